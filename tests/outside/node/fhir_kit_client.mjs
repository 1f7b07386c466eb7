// fhir-kit-client, as its page shows it: what it was answered, as JSON.
import { Client } from "fhir-kit-client";

const { fhir, authorization, body, others, identifier } = JSON.parse(process.argv[2]);
const client = new Client({ baseUrl: fhir, customHeaders: { Authorization: authorization } });

const unless = { headers: { "If-None-Exist": `identifier=${identifier}` } };
const made = await client.create({ resourceType: "ServiceRequest", body, options: unless });
const again = await client.create({ resourceType: "ServiceRequest", body, options: unless });
const found = await client.search({ resourceType: "Task", searchParams: { identifier, _include: "Task:focus" } });

for (const each of others) await client.create({ resourceType: "ServiceRequest", body: each });
const paged = [];
let page = await client.search({ resourceType: "Task", searchParams: { _count: 2 } });
while (page) {
  paged.push(...page.entry.map((each) => each.resource.id));
  page = await client.nextPage({ bundle: page });
}

const task = await client.read({ resourceType: "Task", id: made.id });
const { response } = Client.httpFor(task);
const stale = await client
  .update({ resourceType: "Task", id: made.id, body: task, options: { headers: { "If-Match": 'W/"old"' } } })
  .catch((wrong) => wrong.response.status);
const jsonPatch = [{ op: "replace", path: "/status", value: "cancelled" }];
const cancelled = await client.patch({
  resourceType: "Task",
  id: made.id,
  jsonPatch,
  options: { headers: { "If-Match": response.headers.get("etag") } },
});
const refused = await client
  .create({ resourceType: "ServiceRequest", body: { ...body, status: "soon" } })
  .catch((wrong) => wrong.response.data.issue[0].expression);
const nobody = await client.read({ resourceType: "Task", id: "nobody" }).catch((wrong) => wrong.response.status);
const { fhirVersion } = await client.capabilityStatement();
const { tokenUrl } = await client.smartAuthMetadata();

console.log(
  JSON.stringify({
    made: made.id,
    again: again.id,
    found: found.entry.map((each) => each.resource.resourceType),
    paged,
    status: task.status,
    stale,
    cancelled: cancelled.status,
    refused,
    nobody,
    fhirVersion,
    tokenUrl: String(tokenUrl),
  }),
);

// @medplum/core, at a server that is not Medplum's: what it was answered, as JSON.
import { MedplumClient, OperationOutcomeError } from "@medplum/core";

const { url, key, body, others, identifier } = JSON.parse(process.argv[2]);
const client = new MedplumClient({ baseUrl: `${url}/`, fhirUrlPath: "fhir/", cacheTime: 0 });
client.setAccessToken(key);

const made = await client.createResourceIfNoneExist(body, `identifier=${identifier}`);
const again = await client.createResourceIfNoneExist(body, `identifier=${identifier}`);
const read = await client.readResource("Task", made.id);
const found = await client.searchOne("Task", { identifier });

for (const each of others) await client.createResource(each);
const paged = [];
for await (const page of client.searchResourcePages("Task", { _count: "2" })) paged.push(...page.map((each) => each.id));

const entry = others.map((each) => ({
  resource: { ...each, identifier: [{ ...each.identifier[0], value: `${each.identifier[0].value}-b` }] },
  request: { method: "POST", url: "ServiceRequest" },
}));
const answered = await client.executeBatch({ resourceType: "Bundle", type: "transaction", entry });

const cancelled = await client.updateResource({ ...read, status: "cancelled" });
const jsonPatch = [{ op: "replace", path: "/status", value: "cancelled" }];
const patched = await client.patchResource("Task", paged[0], jsonPatch);
const refused = await client.createResource({ ...body, status: "soon" }).catch((wrong) => {
  if (!(wrong instanceof OperationOutcomeError)) throw wrong;
  return wrong.outcome.issue[0].expression;
});

console.log(
  JSON.stringify({
    made: made.id,
    again: again.id,
    found: found.id,
    status: read.status,
    paged,
    answered: answered.entry.map((each) => each.response.status.slice(0, 3)),
    cancelled: cancelled.status,
    patched: patched.status,
    refused,
  }),
);

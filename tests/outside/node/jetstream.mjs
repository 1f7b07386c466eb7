// @nats-io/jetstream: posts on the bus, reads what became of it, and tries what is not its own.
import { readFileSync } from "node:fs";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, nkeyAuthenticator } from "@nats-io/transport-node";

const { nats, seed, organisation, body, other } = JSON.parse(process.argv[2]);
const connection = await connect({
  servers: nats,
  authenticator: nkeyAuthenticator(new TextEncoder().encode(readFileSync(seed, "utf8").trim())),
  inboxPrefix: `_INBOX_${organisation}`,
});
// What is not allowed is told here, and by a request that is not answered.
(async () => { for await (const _ of connection.status()); })();
const js = jetstream(connection, { timeout: 5000 });

const told = headers();
told.set("Content-Type", "application/fhir+json");
const subject = `ingest.${organisation}.referral.v1`;
const post = { msgID: body.identifier[0].value, headers: told };
const first = await js.publish(subject, JSON.stringify(body), post);
const again = await js.publish(subject, JSON.stringify(body), post);

const reader = js.consumers.getConsumerFromInfo({
  stream_name: `STATUS_${organisation}`,
  name: "reader",
  config: { durable_name: "reader", ack_policy: "explicit" },
});
let status;
const messages = await reader.consume({ max_messages: 10, expires: 5000 });
for await (const message of messages) {
  const task = message.json();
  message.ack();
  if (task.identifier?.[0]?.value !== body.identifier[0].value) continue;
  status = { subject: message.subject, resource: task.resourceType, status: task.status };
  break;
}
await messages.close();

const refusal = (promise) => promise.then(() => "done", (wrong) => wrong.name);
const refused = [
  await refusal(js.publish(`ingest.${other}.referral.v1`, "{}", { timeout: 500 })),
  await refusal(js.publish("referrals.referral-accepted.v1.0", "{}", { timeout: 500 })),
  await refusal(jetstreamManager(connection, { timeout: 500 }).then((manager) => manager.streams.list().next())),
  await refusal(connection.request(`$JS.API.CONSUMER.MSG.NEXT.STATUS_${other}.reader`, "1", { timeout: 500 })),
];
await connection.close();
console.log(JSON.stringify({ stream: first.stream, duplicate: again.duplicate, status, refused }));
process.exit(0);

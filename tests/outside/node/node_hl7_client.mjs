// node-hl7-client: sends a message over MLLP, once as it was written and once as the client builds it.
import { Client, Message } from "node-hl7-client";

const { port, text } = JSON.parse(process.argv[2]);
const client = new Client({ host: "127.0.0.1" });

const sent = (message) =>
  new Promise((resolve, reject) => {
    const connection = client.createConnection({ port }, async (answer) => {
      const told = answer.getMessage();
      const segments = told.toString().split("\r").map((each) => each.split("|"));
      await connection.close();
      resolve(Object.fromEntries(segments.map((each) => [each[0], each])));
    });
    connection.on("client.error", reject);
    connection.sendMessage(message).catch(reject);
  });

const written = await sent(new Message({ text }));
const built = new Message({ messageHeader: { msh_9_1: "REF", msh_9_2: "I12", msh_10: "BUILT-1", msh_11_1: "P" } });
built.addSegment("PID").set("3", "M-1");
const refused = await sent(built);
console.log(JSON.stringify({ written: written.MSA, kind: written.MSH[8], refused: refused.MSA, why: refused.ERR }));
process.exit(0);

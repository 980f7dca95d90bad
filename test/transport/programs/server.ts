// A server for the tests, in a process of its own: prints its port, sends every message back, and answers lines on
// stdin with one line of JSON: the processor time and the memory used so far. Ends when stdin does.
// Arguments: SERVER_SECRET_KEY CLIENT_KEY FRAME_BYTES_MAX

import { createInterface } from "node:readline";
import { nearBytes } from "../../../src/base/memory/far-bytes.ts";
import { SecretKey } from "../../../src/keys/key.ts";
import { openZmqTransport } from "../../../src/transport/zmq/zmq-transport.ts";

const [secretKey, clientKey, frameBytesMax] = process.argv.slice(2) as [string, string, string];
const secret = SecretKey.parse(secretKey) as SecretKey;
const transport = await openZmqTransport();
const link = transport.listen(
  {
    address: "127.0.0.1",
    port: 0,
    keys: { secretKey: secret, publicKey: secret.publicKey() },
    frameBytesMax: Number(frameBytesMax),
    authorize: (key) => (key.text === clientKey ? "client" : null),
  },
  {
    onMessage(message) {
      link.send(message.peer, message.frames.map(nearBytes));
      message.release();
    },
    onFailure(error) {
      throw error;
    },
  },
);
process.stdout.write(`${JSON.stringify({ port: link.port })}\n`);

const lines = createInterface({ input: process.stdin });
lines.on("line", () => {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ cpuMs: (user + system) / 1000, rss })}\n`);
});
lines.on("close", () => void transport.close());

// A client for the tests, in a process of its own (Bun, Deno or compiled): sends the given number of blocks, each
// after the server's answer to the one before, and prints what came back as one line of JSON.
// Arguments: PORT SERVER_KEY CLIENT_SECRET_KEY COUNT BYTES

import { createHash } from "node:crypto";
import { PublicKey, SecretKey } from "../../../src/keys/key.ts";
import { openZmqTransport } from "../../../src/transport/zmq/zmq-transport.ts";

const [port, serverKey, secretKey, count, bytes] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const secret = SecretKey.parse(secretKey) as SecretKey;
const transport = await openZmqTransport();
const hashes: string[] = [];
let answers = 0;

const link = transport.connect(
  {
    host: "127.0.0.1",
    port: Number(port),
    serverKey: PublicKey.parse(serverKey) as PublicKey,
    keys: { secretKey: secret, publicKey: secret.publicKey() },
    identity: crypto.getRandomValues(new Uint8Array(16)).fill(7, 0, 1),
    frameBytesMax: 4 * 1024 * 1024,
  },
  {
    onUp: send,
    onMessage(message) {
      hashes.push(...message.frames.map((frame) => createHash("sha256").update(frame).digest("hex")));
      message.release();
      answers += 1;
      if (answers < Number(count)) send();
      else void end("done");
    },
    onWritable() {},
    onDown: (failure) => void end(failure),
  },
);

function send(): void {
  const block = transport.allocate(Number(bytes));
  block.bytes.fill(answers + 1);
  if (link.send([Buffer.from("echo"), block]) !== "sent") throw new Error("a block did not leave");
}

async function end(result: string): Promise<void> {
  await transport.close();
  const held = transport.messagesHeld;
  process.stdout.write(`${JSON.stringify({ result, version: transport.version, answers, hashes, held })}\n`);
}

// A client for the tests, in a process of its own, since what a process takes of the processor is counted as a whole:
// connects to what never says a word, and prints as one line of JSON why that ended and the CPU time in ms until then.
// Arguments: PORT HANDSHAKE_MS

import { generateKeyPair } from "../../../src/keys/key.ts";
import type { LinkFailure } from "../../../src/transport/transport.ts";
import { openZmqTransport } from "../../../src/transport/zmq/zmq-transport.ts";

const [port, handshakeMs] = process.argv.slice(2).map(Number) as [number, number];
const transport = await openZmqTransport({ times: { handshakeMs } });
const before = process.cpuUsage();
const failure = await new Promise<LinkFailure>((resolve) => {
  transport.connect(
    {
      host: "127.0.0.1",
      port,
      serverKey: generateKeyPair().publicKey,
      keys: generateKeyPair(),
      identity: new Uint8Array(16).fill(1),
      frameBytesMax: 10_000,
    },
    { onUp() {}, onMessage: (message) => message.release(), onWritable() {}, onDown: resolve },
  );
});
const { user, system } = process.cpuUsage(before);
await transport.close();
process.stdout.write(`${JSON.stringify({ failure, cpuMs: (user + system) / 1000 })}\n`);

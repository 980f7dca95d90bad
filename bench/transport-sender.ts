// The sending process of transport.ts: fills message memory and sends it, as fast as the link takes it.
// Arguments: PORT SERVER_KEY CLIENT_SECRET_KEY CHUNK_BYTES TOTAL_BYTES OPTIONS_JSON

import { PublicKey, SecretKey } from "../src/keys/key.ts";
import { openZmqTransport } from "../src/transport/zmq/zmq-transport.ts";

const [port, serverKey, secretKey, chunkText, totalText, optionsText] = process.argv.slice(2) as string[];
const secret = SecretKey.parse(secretKey as string) as SecretKey;
const transport = await openZmqTransport(JSON.parse(optionsText as string));
const chunkBytes = Number(chunkText);
const source = new Uint8Array(chunkBytes).map((_, index) => index * 31);
let left = Math.round(Number(totalText) / chunkBytes);
let rssMax = 0;

const link = transport.connect(
  {
    host: "127.0.0.1",
    port: Number(port),
    serverKey: PublicKey.parse(serverKey as string) as PublicKey,
    keys: { secretKey: secret, publicKey: secret.publicKey() },
    identity: new Uint8Array(16).fill(5),
    frameBytesMax: 1024 * 1024,
  },
  {
    onUp: pump,
    onWritable: pump,
    onMessage(message) {
      message.release();
      void end();
    },
    onDown(failure) {
      throw new Error(failure);
    },
  },
);

function pump(): void {
  while (left >= 0) {
    const block = transport.allocate(left === 0 ? 1 : chunkBytes);
    if (left > 0) block.bytes.set(source);
    if (link.send([Buffer.from(left === 0 ? "end" : "chunk"), block]) !== "sent") {
      block.release();
      return;
    }
    left -= 1;
    if (left % 64 === 0) rssMax = Math.max(rssMax, process.memoryUsage.rss());
  }
}

async function end(): Promise<void> {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${JSON.stringify({ cpuS: (user + system) / 1e6, rssMax })}\n`);
  await transport.close();
}

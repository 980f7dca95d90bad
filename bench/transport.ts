// How fast the transport alone is: one process fills message memory and sends it over CURVE on loopback, this one
// hashes and releases it. `bun bench/transport.ts [MIB]` sweeps chunk sizes, queues and buffers.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { generateKeyPair } from "../src/keys/key.ts";
import { encodeZ85 } from "../src/keys/z85.ts";
import { openZmqTransport, type ZmqTransportOptions } from "../src/transport/zmq/zmq-transport.ts";

const mebibyte = 1024 * 1024;
const totalBytes = Number(process.argv[2] ?? 512) * mebibyte;
const sender = fileURLToPath(new URL("./transport-sender.ts", import.meta.url));

interface Run {
  readonly chunkBytes: number;
  readonly hash: boolean;
  readonly options: ZmqTransportOptions;
}

async function measure({ chunkBytes, hash, options }: Run): Promise<string> {
  const serverKeys = generateKeyPair();
  const clientKeys = generateKeyPair();
  const transport = await openZmqTransport(options);
  const digest = createHash("sha256");
  const cpuStart = process.cpuUsage();
  let started = 0;
  let ended = 0;
  let received = 0;
  let messages = 0;
  let rssMax = 0;
  const link = transport.listen(
    {
      address: "127.0.0.1",
      port: 0,
      keys: serverKeys,
      frameBytesMax: 4 * mebibyte,
      authorize: () => "bench",
    },
    {
      onMessage(message) {
        started ||= performance.now();
        const [command, data] = message.frames as [Uint8Array, Uint8Array];
        received += data.length;
        messages += 1;
        if (hash) digest.update(data);
        if (messages % 64 === 0) rssMax = Math.max(rssMax, process.memoryUsage.rss());
        if (command.length === 3) {
          ended = performance.now();
          link.send(message.peer, [Buffer.from("done")]);
        }
        message.release();
      },
      onFailure(error) {
        throw error;
      },
    },
  );
  const secret = encodeZ85(clientKeys.secretKey.reveal());
  const values = [
    link.port,
    serverKeys.publicKey.text,
    secret,
    chunkBytes,
    totalBytes,
    JSON.stringify(options),
  ];
  const child = spawn(process.execPath, [sender, ...values.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => output.push(bytes));
  await new Promise((resolve) => child.on("exit", resolve));
  const client = JSON.parse(Buffer.concat(output).toString()) as { cpuS: number; rssMax: number };
  const cpu = process.cpuUsage(cpuStart);
  await transport.close();
  const cpuS = client.cpuS + (cpu.user + cpu.system) / 1e6;
  const mbps = received / 1e6 / ((ended - started) / 1000);
  const cpuPerGib = cpuS / (received / 2 ** 30);
  return [
    `${mbps.toFixed(0).padStart(6)} MB/s`,
    `${cpuPerGib.toFixed(2)} CPU s/GiB`,
    `client ${(client.rssMax / 1e6).toFixed(0)} MB`,
    `server ${(rssMax / 1e6).toFixed(0)} MB`,
  ].join("  ");
}

async function report(name: string, run: Run): Promise<void> {
  process.stdout.write(`${name.padEnd(34)} ${await measure(run)}\n`);
}

const kib = (count: number): number => count * 1024;
const runs: [name: string, run: Run][] = [];
for (const size of [64, 128, 256, 512, 1024, 2048]) {
  runs.push([`${size} KiB`, { chunkBytes: kib(size), hash: true, options: {} }]);
}
for (const size of [256, 1024]) {
  const chunkBytes = kib(size);
  runs.push([
    `${size} KiB, glibc's own heap`,
    { chunkBytes, hash: true, options: { keepFreedMemory: false } },
  ]);
  for (const sendMessages of [1, 2, 8, 32]) {
    runs.push([
      `${size} KiB, SNDHWM ${sendMessages}`,
      { chunkBytes, hash: true, options: { clientQueues: { sendMessages } } },
    ]);
  }
  for (const receiveMessages of [2, 4, 32]) {
    runs.push([
      `${size} KiB, RCVHWM ${receiveMessages}`,
      { chunkBytes, hash: true, options: { serverQueues: { receiveMessages } } },
    ]);
  }
  for (const batchBytes of [kib(64), kib(256)]) {
    const queues = { batchBytes };
    runs.push([
      `${size} KiB, batch ${batchBytes / 1024} KiB`,
      { chunkBytes, hash: true, options: { clientQueues: queues, serverQueues: queues } },
    ]);
  }
  for (const socketBufferBytes of [kib(256), kib(1024), kib(4096)]) {
    const queues = { socketBufferBytes };
    runs.push([
      `${size} KiB, buffers ${socketBufferBytes / 1024} KiB`,
      { chunkBytes, hash: true, options: { clientQueues: queues, serverQueues: queues } },
    ]);
  }
}
const wanted = process.argv[3];
for (const [name, run] of runs) if (wanted === undefined || name.includes(wanted)) await report(name, run);

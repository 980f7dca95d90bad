// A name server on loopback that knows SRV records and nothing else, for tests.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { ServiceRecord } from "../../src/transport/zmq/addresses.ts";

export interface NameServer extends AsyncDisposable {
  /** As `setServers` of a resolver takes it. */
  readonly address: string;
  /** How often it was asked. */
  readonly asked: number;
}

const failed = { unknown: 3, broken: 2 } as const;

/** Answers every question with `records`, says that it knows no such name, or that it is broken, or nothing. */
export async function startNameServer(
  records: readonly ServiceRecord[] | keyof typeof failed | "silent",
): Promise<NameServer> {
  const socket = createSocket("udp4");
  let asked = 0;
  socket.on("message", (query, { port, address }) => {
    asked += 1;
    if (records !== "silent") socket.send(answer(query, records), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    get asked() {
      return asked;
    },
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await once(socket, "close");
    },
  };
}

const headerBytes = 12;

/** RFC 1035: the header, the question as it came, and an answer for each record. */
function answer(query: Buffer, records: readonly ServiceRecord[] | keyof typeof failed): Buffer {
  const question = query.subarray(headerBytes, query.indexOf(0, headerBytes) + 5);
  const [code, all] = typeof records === "string" ? [failed[records], []] : [0, records];
  const header = Buffer.from([query[0]!, query[1]!, 0x81, 0x80 | code, 0, 1, 0, all.length, 0, 0, 0, 0]);
  return Buffer.concat([header, question, ...all.map(recordOf)]);
}

/** RFC 2782, for the name that was asked about, for a minute. */
function recordOf({ priority, weight, port, name }: ServiceRecord): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  const target = Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ]);
  const data = Buffer.concat([numbers(priority, weight, port), target]);
  return Buffer.concat([numbers(0xc000 + headerBytes, 33, 1, 0, 60, data.length), data]);
}

/** Each in two bytes. */
function numbers(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

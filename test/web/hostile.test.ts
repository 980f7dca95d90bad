// 2,000 requests that nobody means well with, and readers that read nothing: each is answered or let go, and the server goes on.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { sha256Hex } from "../../src/base/sha256-hex.ts";
import { Downloads } from "../../src/web/downloads/downloads.ts";
import { type EventSink, jsonAnswer, plainAnswer } from "../../src/web/http/http-message.ts";
import { HttpServer, routesOf } from "../../src/web/http/http-server.ts";
import { pageRoutes } from "../../src/web/page/page-routes.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const requests = 2_000;
const atOnce = 100;
const secret = "what nobody may have";
const part = "x".repeat(100_000);
const clock = new ManualClock();
const sinks: EventSink[] = [];

/** The same numbers for the same seed, from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function hostile(next: () => number): Buffer {
  const one = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
  const method = one(["GET", "POST", "HEAD", "PUT", "TRACE", "CONNECT", "OPTIONS", "get", "", "PRI", "G T"]);
  const path = one([
    ...["/", "/act", "/../../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%00", "/script/../../etc/passwd"],
    ...["//etc/passwd", "/script/main.js/../../../package.json", "\\..\\..\\etc\\passwd", "*", "/%ff%fe", ""],
    ...[
      `/${"a".repeat(9000)}`,
      "/style.css?../../etc/passwd",
      "http://[::1",
      "/#",
      "/é\u202e",
      "file:///etc/passwd",
    ],
    ...[
      "/install",
      "/install.sh",
      "/install.ps1",
      "/downloads/dync-linux-x64",
      "/downloads/dync-linux-arm64",
    ],
    ...[
      "/downloads/../secret",
      "/downloads/..%2f..%2fsecret",
      "/downloads/%2e%2e/secret",
      "/downloads/notes",
    ],
    ...[
      "/downloads/dync-linux-x64/../../secret",
      "/downloads//secret",
      "/downloads/secret%00",
      "/downloads/.",
    ],
  ]);
  const version = one(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/9999999999.1", ""]);
  const headers = Array.from({ length: Math.floor(next() * 4) }, () =>
    one([
      ...[
        "Host: '; cat secret #",
        "Host: $(cat secret)",
        "X-Forwarded-Proto: https",
        "Range: bytes=-1,0-,5-2",
      ],
      ...["Host: x", "Host: x\r\nHost: y", "Content-Length: 5", "Content-Length: -1", "Content-Length: 9e99"],
      ...[
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Expect: 100-continue",
        ": nothing",
      ],
      ...["Upgrade: websocket\r\nConnection: Upgrade", "Range: bytes=0-99999999999", "Cookie: dync-session="],
      ...[
        "X: a\r\n b",
        "X\0: y",
        `X: ${"y".repeat(20_000)}`,
        "Connection: close",
        "Trailer: X",
        "TE: trailers",
      ],
    ]),
  );
  const body = one([
    Buffer.alloc(0),
    Buffer.from("hello"),
    Buffer.from("5\r\nhello\r\n0\r\n\r\n"),
    noise(50),
  ]);
  const text = Buffer.from([`${method} ${path} ${version}`, ...headers, "", ""].join("\r\n"));
  // Half of them are well-formed, so that what is asked for is looked at.
  if (next() < 0.5) {
    const range = one(["", "Range: bytes=2-4\r\n", "Range: bytes=99-\r\n", "X-Forwarded-Proto: https\r\n"]);
    const host = one(["x", "127.0.0.1", "$(cat secret)", "'; cat secret #"]);
    return Buffer.from(`${one(["GET", "HEAD", "POST"])} ${path} HTTP/1.1\r\nHost: ${host}\r\n${range}\r\n`);
  }
  return next() < 0.1 ? noise(200) : Buffer.concat([text, body]);
}

/** A release, with what nobody may have beside it, and behind a link and without a name in it. */
async function offered(folder: TempFolder): Promise<Downloads> {
  const release = folder.file("release");
  mkdirSync(release);
  writeFileSync(folder.file("secret"), secret);
  writeFileSync(join(release, "notes"), secret);
  symlinkSync(folder.file("secret"), join(release, "dync-linux-arm64"));
  for (const name of ["install.sh", "install.ps1"])
    copyFileSync(join(import.meta.dir, "../..", name), join(release, name));
  writeFileSync(join(release, "dync-linux-x64"), "a program");
  const names = ["install.sh", "install.ps1", "dync-linux-x64", "dync-linux-arm64"];
  const sums = names.map((name) => `${sha256Hex(readFileSync(join(release, name)))}  ${name}\n`);
  writeFileSync(join(release, "SHA256SUMS"), sums.join(""));
  const downloads = new Downloads({
    ...{ clock: systemClock, logger: silentLogger, onGiven: () => {} },
    settings: { downloads: release, publicUrl: null, publicAddress: null },
    server: { publicKey: "key", fingerprint: "SHA256:key", port: () => 9000 },
  });
  downloads.load();
  return downloads;
}

describe("over HTTP", () => {
  let http: HttpServer;
  let folder: TempFolder;
  beforeAll(async () => {
    folder = await tempFolder();
    const downloads = await offered(folder);
    http = await HttpServer.open({
      ...{ address: { host: "127.0.0.1", port: 0 }, tls: null, clock, logger: silentLogger },
      routes: { get: (path) => routes.get(path) ?? downloads.get(path) },
    });
  });
  const routes = routesOf({
    ...pageRoutes,
    "/act": { act: async ({ body }) => jsonAnswer(200, { length: (await body()).length }) },
    "/alive": () => plainAnswer(200, "alive"),
    "/events": () => ({
      status: 200,
      events: (sink) => void sinks.push(sink),
    }),
  });
  afterAll(async () => {
    await http[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  function opened(): Socket {
    const socket = connect(http.address.port, "127.0.0.1");
    socket.on("error", () => {});
    return socket;
  }

  const turn = async () => await new Promise((resolve) => setImmediate(resolve));

  /** What comes back before the other side, or this one, has enough. */
  async function answerTo(bytes: Buffer, patience = 0): Promise<string> {
    const socket = opened();
    const closed = once(socket, "close");
    let text = "";
    socket.setEncoding("latin1").on("data", (data: string) => {
      text += data;
    });
    socket.write(bytes);
    // What comes from the disk takes some turns.
    for (let turns = 0; turns < patience; turns++) await turn();
    // What is said is said: a request that waits for more ends here.
    socket.end();
    await closed;
    return text;
  }

  const isAlive = async () =>
    (await answerTo(Buffer.from("GET /alive HTTP/1.1\r\nHost: x\r\n\r\n"))).endsWith("alive\n");

  test("what is no request is refused, and nothing but the page and the downloads is handed out", async () => {
    const next = random(7);
    const statuses = new Map<string, number>();
    for (let done = 0; done < requests; done += atOnce) {
      const all = await Promise.all(
        Array.from({ length: atOnce }, async () => await answerTo(hostile(next), 20)),
      );
      for (const answer of all) {
        const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? (answer === "" ? "none" : "other");
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        expect(answer).not.toContain("root:x:");
        expect(answer).not.toContain(secret);
        expect(answer).not.toContain("cat secret");
        expect(answer).not.toContain('"dependencies"');
      }
    }
    const known = ["200", "206", "400", "404", "405", "413", "416", "417", "503", "none"];
    expect([...statuses.keys()].filter((it) => !known.includes(it))).toEqual([]);
    for (const status of ["200", "206", "400", "404", "405", "416", "503"])
      expect(statuses.get(status)).toBeGreaterThan(0);
    expect(await isAlive()).toBe(true);
    const honest = await fetch(`http://127.0.0.1:${http.address.port}/downloads/dync-linux-x64`);
    expect(await honest.text()).toBe("a program");
  });

  test("more than is taken is refused before it is read", async () => {
    const head = (length: number) => `POST /act HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
    expect(await answerTo(Buffer.from(head(2_000_000)))).toStartWith("HTTP/1.1 413 ");
    const chunk = `fffff\r\n${"a".repeat(0xfffff)}\r\n`;
    const chunked = `POST /act HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`;
    expect(await answerTo(Buffer.from(chunked))).toStartWith("HTTP/1.1 413 ");
    const whole = `${head(5)}hello`;
    expect(await answerTo(Buffer.from(whole))).toEndWith('{"length":5}');
    expect(await answerTo(Buffer.from(`${head(2)}\xff`, "latin1"))).not.toContain('{"length"');
  });

  /** Sends to `readers` until each has more than one part, and nobody takes anything for long. Returns the bytes that each was sent. */
  async function fill(readers: readonly EventSink[]): Promise<readonly number[]> {
    const bytes = readers.map(() => 0);
    for (let quiet = 0; quiet < 100 || Math.min(...bytes) <= part.length; quiet++) {
      for (const [index, sink] of readers.entries()) {
        if (!sink.send("x", part)) continue;
        bytes[index] = (bytes[index] ?? 0) + part.length;
        quiet = 0;
      }
      await turn();
    }
    return bytes;
  }

  /** Bytes that the system keeps for readers which have not taken them; `null` where it does not tell. */
  function keptBySystem(): number | null {
    const tables = ["/proc/net/tcp", "/proc/net/tcp6"].filter((it) => existsSync(it));
    if (tables.length === 0) return null;
    const port = http.address.port.toString(16).toUpperCase().padStart(4, "0");
    // Where from, where to, the state, and what is not taken yet, in hex.
    const line = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) ([0-9A-F]{8}):/;
    return tables
      .flatMap((it) => readFileSync(it, "latin1").split("\n"))
      .map((it) => line.exec(it))
      .filter((it) => it?.[1] === port && it[2] !== "0A")
      .reduce((sum, it) => sum + Number.parseInt(it?.[3] ?? "", 16), 0);
  }

  test("500 readers that read nothing hold little here and in the system, and are let go with all of it", async () => {
    const readers = Array.from({ length: 500 }, () => {
      const socket = opened();
      socket.pause().write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
      return socket;
    });
    try {
      while (sinks.length < readers.length) await turn();
      Bun.gc(true);
      const before = process.memoryUsage.rss();
      const sent = await fill(sinks);
      expect(Math.max(...sent)).toBeLessThan(1e6);
      Bun.gc(true);
      expect(process.memoryUsage.rss() - before).toBeLessThan(200e6);
      expect(keptBySystem() ?? 0).toBeLessThan(200e6);
      const gone = sinks.map((it) => once(it.gone, "abort"));
      clock.advance(30_000);
      await Promise.all(gone);
      // An end that its reader has to hear first would keep them for ever; the system lets them go in its own time.
      while (keptBySystem() ?? 0) await turn();
    } finally {
      for (const socket of readers) socket.destroy();
    }
    expect(await isAlive()).toBe(true);
  });

  test("who reads is told to ask again, and loses nothing", async () => {
    const from = sinks.length;
    const socket = opened();
    socket.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    let got = "";
    socket.on("data", (data) => {
      got += data;
    });
    while (sinks.length === from) await turn();
    const sink = sinks[from] as EventSink;
    for (let count = 0; count < 3; await turn()) if (sink.send("x", part)) count++;
    while (!got.includes("event: again\n")) await turn();
    expect(got.split(part)).toHaveLength(4);
    expect(sink.send("x", part)).toBe(false);
    socket.end();
    await once(sink.gone, "abort");
  });
});

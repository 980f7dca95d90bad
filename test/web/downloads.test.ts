// What a server hands out: a release in a folder, over real sockets.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { DyncError } from "../../src/base/error.ts";
import { sha256Hex } from "../../src/base/sha256-hex.ts";
import { defaultProcessSettings } from "../../src/config/server-settings.ts";
import { Downloads, type DownloadsParts } from "../../src/web/downloads/downloads.ts";
import { HttpServer } from "../../src/web/http/http-server.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const project = join(import.meta.dir, "../..");
const publicKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const program = Buffer.from("0123456789".repeat(1000));

let folder: TempFolder;
let release: string;
let logged: { readonly level: string; readonly message: string; readonly reason: unknown }[];
let given: number;
let settings: { -readonly [Key in keyof DownloadsParts["settings"]]: DownloadsParts["settings"][Key] };
let downloads: Downloads;
let http: HttpServer;

function put(name: string, content: string | Uint8Array): void {
  writeFileSync(join(release, name), content);
}

/** Names what lies there, as a release does. */
function sum(...names: readonly string[]): void {
  const lines = names.map((name) => `${sha256Hex(readFileSync(join(release, name)))}  ${name}\n`);
  put("SHA256SUMS", lines.join(""));
}

beforeEach(async () => {
  folder = await tempFolder();
  release = folder.file("release");
  mkdirSync(release);
  for (const name of ["install.sh", "install.ps1"]) put(name, readFileSync(join(project, name)));
  put("dync-linux-x64", program);
  put("dync-windows-x64.exe", "windows");
  put("notes.txt", "nobody named this");
  writeFileSync(folder.file("secret"), "root: secret");
  symlinkSync(folder.file("secret"), join(release, "dync-linux-arm64"));
  sum("install.sh", "install.ps1", "dync-linux-x64", "dync-windows-x64.exe", "dync-linux-arm64");
  logged = [];
  given = 0;
  settings = { ...defaultProcessSettings, downloads: release };
  downloads = new Downloads({
    clock: systemClock,
    logger: {
      log: (level, message, { reason } = {}) => void logged.push({ level, message, reason }),
    },
    server: { publicKey, fingerprint: "SHA256:own", port: () => 9000 },
    settings,
    onGiven: (bytes) => {
      given += bytes;
    },
  });
  http = await HttpServer.open({
    ...{ address: { host: "127.0.0.1", port: 0 }, tls: null, clock: systemClock },
    ...{ logger: { log: () => {} }, routes: downloads },
  });
});
afterEach(async () => {
  downloads[Symbol.dispose]();
  await http[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const ask = async (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
  await fetch(`http://127.0.0.1:${http.address.port}${path}`, { headers, method });

/** The release's address, as the installer names it. */
async function base(): Promise<string> {
  const text = await (await ask("/install.sh")).text();
  const [, found = "none"] = /^default_base_url='http:\/\/127\.0\.0\.1:\d+(.*)'$/m.exec(text) ?? [];
  return found;
}

describe("a release that is handed out", () => {
  beforeEach(() => downloads.load());

  test("has its files under a name of their own, for good", async () => {
    const at = await base();
    expect(at).toMatch(/^\/downloads\/[0-9a-f]{16}$/);
    const answer = await ask(`${at}/dync-linux-x64`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(program);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      etag: `"${sha256Hex(program)}"`,
      "cache-control": "public, max-age=31536000, immutable",
      "content-disposition": 'attachment; filename="dync-linux-x64"',
      "content-type": "application/octet-stream",
      "content-length": "10000",
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
    });
    const sums = await (await ask(`${at}/SHA256SUMS`)).text();
    expect(sums).toBe(
      `${sha256Hex(program)}  dync-linux-x64\n${sha256Hex("windows")}  dync-windows-x64.exe\n`,
    );
    expect(given).toBe(10_000);
  });

  test("and under one that stays the same, for who asks whether there is a new one", async () => {
    const answer = await ask("/downloads/dync-linux-x64");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    const known = await ask("/downloads/dync-linux-x64", {
      "if-none-match": answer.headers.get("etag") ?? "",
    });
    expect([known.status, await known.text()]).toEqual([304, ""]);
  });

  test("gives parts, and with HEAD nothing but how large it is", async () => {
    const part = await ask("/downloads/dync-linux-x64", { range: "bytes=9995-" });
    expect([part.status, await part.text()]).toEqual([206, "56789"]);
    expect(part.headers.get("content-range")).toBe("bytes 9995-9999/10000");
    const beyond = await ask("/downloads/dync-linux-x64", { range: "bytes=10000-" });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */10000"]);
    const head = await ask("/downloads/dync-linux-x64", { range: "bytes=5-6" }, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10000"]);
    expect((await ask("/downloads/dync-linux-x64", {}, "POST")).status).toBe(405);
  });

  test("has nothing that was not named, no links, no installers as they were, and no folder", async () => {
    const at = await base();
    const others = ["", "/", "/notes.txt", "/dync-linux-arm64", "/install.sh", "/../secret", "/..%2fsecret"];
    for (const other of [...others, "/%2e%2e/secret", "/dync-linux-x64/", "/DYNC-linux-x64", "/./notes.txt"])
      for (const folder of [at, "/downloads"]) {
        const { status } = await ask(`${folder}${other}`);
        expect([folder + other, status]).toEqual([folder + other, 404]);
      }
  });

  test("that is exchanged is given no more until it is listed again, and then is another one", async () => {
    const before = await base();
    renameSync(join(release, "dync-linux-x64"), join(release, "old"));
    put("dync-linux-x64", "newer");
    expect((await ask(`${before}/dync-linux-x64`)).status).toBe(503);
    expect(logged.at(-1)?.message).toBe(`${join(release, "dync-linux-x64")} was changed since it was listed`);
    sum("install.sh", "dync-linux-x64");
    downloads.load();
    const after = await base();
    expect(after).not.toBe(before);
    expect(await (await ask(`${after}/dync-linux-x64`)).text()).toBe("newer");
    expect((await ask(`${before}/dync-linux-x64`)).status).toBe(404);
    expect((await ask("/install.ps1")).status).toBe(404);
  });

  test("is there no more when it is configured no more, and stays as it was when it is spoilt", async () => {
    rmSync(join(release, "SHA256SUMS"));
    expect(() => downloads.load()).toThrow(DyncError);
    expect((await ask("/downloads/dync-linux-x64")).status).toBe(200);
    settings.downloads = null;
    downloads.load();
    for (const path of ["/install", "/install.sh", "/downloads/dync-linux-x64"])
      expect((await ask(path)).status).toBe(404);
  });

  test("is compared with its checksums, and what differs is not given", async () => {
    put("dync-windows-x64.exe", "damaged");
    downloads.load();
    // Nobody waits for that: who asks before hears it from the checksum.
    while (!logged.some(({ message }) => message === "A download is damaged, and not offered"))
      await new Promise((resolve) => setImmediate(resolve));
    expect((await ask("/downloads/dync-windows-x64.exe")).status).toBe(503);
    expect((await ask("/downloads/dync-linux-x64")).status).toBe(200);
  });

  test("is given to so many at once; one more is told to come again, and who goes leaves a place", async () => {
    put("dync-linux-x64", Buffer.alloc(64 * 1024 * 1024, "x"));
    sum("install.sh", "dync-linux-x64");
    downloads.load();
    const before = process.memoryUsage.rss();
    const readers = await Promise.all(
      Array.from({ length: 32 }, () => slowReader("/downloads/dync-linux-x64")),
    );
    const busy = await ask("/downloads/dync-linux-x64");
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([503, "10"]);
    expect((await ask("/downloads/dync-linux-x64", {}, "HEAD")).status).toBe(200);
    expect((await ask("/downloads/SHA256SUMS")).status).toBe(200);
    // Of 2 GiB that they are being given.
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
    for (const reader of readers) reader.destroy();
    while ((await ask("/downloads/dync-linux-x64", { range: "bytes=0-0" })).status === 503)
      await new Promise((resolve) => setImmediate(resolve));
  });
});

/** Asks for `path`, and reads no more than its beginning. */
async function slowReader(path: string, port = http.address.port): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  return socket;
}

describe("how to install it", () => {
  beforeEach(() => downloads.load());

  async function defaultsFor(headers: Readonly<Record<string, string>>): Promise<readonly string[] | number> {
    const answer = await ask("/install.sh", headers);
    if (answer.status !== 200) return answer.status;
    return [...(await answer.text()).matchAll(/^default_\w+='(.*)'$/gm)].map(([, value]) => value as string);
  }

  test("is said for the address that is asked for, where that has TLS or is this machine", async () => {
    const port = http.address.port;
    const [url = "", server, key] = (await defaultsFor({})) as readonly string[];
    expect(url).toStartWith(`http://127.0.0.1:${port}/downloads/`);
    expect([server, key]).toEqual(["127.0.0.1:9000", publicKey]);
    const proxied = { host: "lab.example", "x-forwarded-proto": "https" };
    const [proxy = "", behind] = (await defaultsFor(proxied)) as readonly string[];
    expect(proxy).toStartWith("https://lab.example/downloads/");
    expect(behind).toBe("lab.example:9000");
    expect(await (await ask("/install.ps1", proxied)).text()).toContain("  Server = 'lab.example:9000'\n");
  });

  test.each([
    ...[
      "lab.example",
      "lab.example:8890",
      "192.0.2.1",
      "'; touch evil; '",
      "a b",
      "lab.example/$(x)",
      "[::1]'",
    ],
    ...["127.0.0.1.evil.example", "localhost.evil.example", "lab.example:99999999", "-a", "a".repeat(300)],
  ])("is not said by way of %p without TLS, nor for what is no host", async (host) => {
    expect(await defaultsFor({ host })).toBe(503);
    const isHost = /^[\w.]+(:\d{1,5})?$/.test(host) && host.length < 260;
    const secure = await defaultsFor({ host, "x-forwarded-proto": "https" });
    expect(Array.isArray(secure)).toBe(isHost);
    expect(logged.at(-1)).toMatchObject({ level: "warn" });
  });

  test("is said as it is configured, whatever is asked for", async () => {
    settings.publicUrl = "https://lab.example/dync";
    settings.publicAddress = { host: "dync.lab.example", port: 8889 };
    const [url = "", server] = (await defaultsFor({ host: "evil.example" })) as readonly string[];
    expect(url).toStartWith("https://lab.example/dync/downloads/");
    expect(server).toBe("dync.lab.example");
  });

  test("is a page, on which all that is made up elsewhere is text", async () => {
    settings.publicUrl = "https://lab.example/dync";
    const answer = await ask("/install");
    const text = await answer.text();
    expect(text).toContain(">curl -fsSL https://lab.example/dync/install.sh | sh</pre>");
    expect(text).toContain(">irm https://lab.example/dync/install.ps1 | iex</pre>");
    expect(text).toContain('<dd class="key">SHA256:own</dd>');
    expect(text).toContain("In a terminal, for Linux (x64):");
    expect(text).toContain(sha256Hex(program));
    expect(answer.headers.get("content-security-policy")).toContain("script-src 'self'");
    put("dync-linux-x64", "newer");
    sum("install.sh", "dync-linux-x64");
    downloads.load();
    expect(await (await ask("/install")).text()).toContain("This server offers nothing for Windows");
  });
});

describe("a folder that is no release", () => {
  test.each<[string, () => void, string]>([
    [
      "has no sums",
      () => rmSync(join(release, "SHA256SUMS")),
      "SHA256SUMS cannot be read: there is no such file",
    ],
    ["names nothing", () => put("SHA256SUMS", "hello\n"), "SHA256SUMS names 0 files, want 1 to 200"],
    ["has no executables", () => sum("install.sh"), "has no install.sh, or no executables"],
    ["has no installer", () => sum("dync-linux-x64"), "has no install.sh, or no executables"],
    ["has another installer", () => put("install.sh", "evil"), "install.sh is not the one that SHA256SUMS"],
    [
      "is of an older release",
      () => {
        put("install.sh", "default_base_url=\n");
        sum("install.sh", "dync-linux-x64");
      },
      "install.sh has no place for server: it is of an older release",
    ],
  ])("%s", (_, spoil, message) => {
    spoil();
    const load = () => downloads.load();
    expect(load).toThrow(DyncError);
    expect(load).toThrow(message);
  });
});

test("a reader that takes nothing is let go, and its place with it", async () => {
  const clock = new ManualClock();
  let waiting = 0;
  const counting: Clock = {
    now: () => clock.now(),
    date: () => clock.date(),
    after(delayMs, callback) {
      if (delayMs !== 60_000) return clock.after(delayMs, callback);
      waiting += 1;
      const cancel = clock.after(delayMs, callback);
      return () => {
        waiting -= 1;
        cancel();
      };
    },
  };
  put("dync-linux-x64", Buffer.alloc(64 * 1024 * 1024, "x"));
  sum("install.sh", "dync-linux-x64");
  downloads.load();
  await using slow = await HttpServer.open({
    ...{ address: { host: "127.0.0.1", port: 0 }, tls: null, clock: counting },
    ...{ logger: { log: () => {} }, routes: downloads },
  });
  const socket = await slowReader("/downloads/dync-linux-x64", slow.address.port);
  // Until the system takes no more.
  for (let quiet = 0, before = given; quiet < 200; quiet++, before = given) {
    await new Promise((resolve) => setImmediate(resolve));
    if (waiting === 0 || before !== given) quiet = 0;
  }
  clock.advance(60_000);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  await closed;
  expect(socket.bytesRead).toBeLessThan(64 * 1024 * 1024);
  expect(waiting).toBe(0);
});

// The receipts that a client keeps: whole, in files of their own, and only those that are about what it sent; and which keys it takes
// for a server's.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { glob, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type NewReceipt, ReceiptStore, readReceiptFile } from "../../src/client/receipt-store.ts";
import { type SigningKeys, succeeded } from "../../src/receipts/key-chain.ts";
import { SigningKey } from "../../src/receipts/signing-key.ts";
import { facts, keysAfter, receiptBy, server } from "../receipts/some-receipt.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

let folder: TempFolder;
let store: ReceiptStore;
const now = new Date("2026-07-31T00:00:00.000Z");
/** Time that only a call of `settle` goes over, unless `go` does. */
const timers: (() => void)[] = [];
const clock = {
  date: () => now,
  after(_ms: number, callback: () => void) {
    timers.push(callback);
    return () => {
      const at = timers.indexOf(callback);
      if (at >= 0) timers.splice(at, 1);
    };
  },
};
const opened = (): ReceiptStore => new ReceiptStore(folder.path, clock);

beforeEach(async () => {
  folder = await tempFolder();
  store = opened();
});
afterEach(() => folder[Symbol.asyncDispose]());

const about = (number: number) => ({ ...facts, upload: number.toString(16).padStart(32, "0") });

function received(keys: SigningKeys, number = 1, change: Partial<NewReceipt> = {}): NewReceipt {
  const { upload, size, sha256, metadata } = about(number);
  const jws = receiptBy(keys, about(number));
  const from = { server, host: "lab.example.org", port: 8889 };
  return { jws, ...from, expected: { upload, size, sha256, metadata }, ...change };
}

/** What is told of a receipt that is kept by `by`. */
async function told(receipt: NewReceipt, by = store): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  await by.keep(receipt, resolve);
  await by.settle();
  return await promise;
}

describe("a receipt", () => {
  test("is kept as it came, for its owner alone, and found by time and id", async () => {
    const keys = keysAfter(0);
    const receipt = received(keys);
    expect(await told(receipt)).toBeNull();
    const [kept, ...others] = await Array.fromAsync(opened().all());
    expect(others).toEqual([]);
    const name = `20260730T120507Z-${about(1).upload}.jws`;
    expect(kept).toEqual({ file: folder.file("receipts", "2026-07", name), id: about(1).upload });
    expect(await readFile(kept!.file, "utf8")).toBe(`${receipt.jws}\n`);
    expect(await store.read(kept!)).toBe(receipt.jws);
    if (process.platform !== "win32") expect((await stat(kept!.file)).mode & 0o777).toBe(0o600);
    expect(await store.withId(about(1).upload.slice(0, 31))).toEqual([kept!]);
    expect(await store.withId("1")).toEqual([]);
  });

  test("that came with others is in a file with them, is found by its id, and is kept once whatever comes again", async () => {
    const keys = keysAfter(0);
    const all = Array.from({ length: 300 }, (_, at) => received(keys, at + 1));
    const keptTogether = async (some: readonly NewReceipt[], by = opened()) => {
      const faults: unknown[] = [];
      for (const one of some) await by.keep(one, (fault) => faults.push(fault));
      await by.settle();
      expect(faults).toEqual(some.map(() => null));
    };
    await keptTogether(all);
    const kept = await Array.fromAsync(opened().all());
    expect(kept.map(({ id }) => id).toSorted()).toEqual(
      all.map(({ expected }) => expected.upload).toSorted(),
    );
    expect(new Set(kept.map(({ file }) => file)).size).toBe(2);
    const [one] = await opened().withId(about(7).upload);
    expect(await opened().read(one!)).toBe(all[6]!.jws);
    expect((await readFile(one!.file, "utf8")).split("\n")[one!.line! - 1]).toBe(all[6]!.jws);
    if (process.platform !== "win32") expect((await stat(one!.file)).mode & 0o777).toBe(0o600);
    // Another process has it all again, with one that is new.
    await keptTogether([...all, received(keys, 1000)]);
    const again = await Array.fromAsync(opened().all());
    expect(again).toHaveLength(301);
    expect(await Array.fromAsync(glob("**/*.jws", { cwd: folder.path }))).toHaveLength(3);
    // Signed by another key it takes the place of the one before.
    const other = succeeded(keys, SigningKey.generate(), facts.received);
    await keptTogether([received(other, 7)]);
    const [now, ...others] = await opened().withId(about(7).upload);
    expect(others).toEqual([]);
    expect(await opened().read(now!)).toBe(received(other, 7).jws);
    expect(await Array.fromAsync(opened().all())).toHaveLength(301);
  });

  test("waits a moment for others, and no longer", async () => {
    const done = Promise.withResolvers<string | null>();
    await store.keep(received(keysAfter(0)), done.resolve);
    while (timers.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    expect(await Array.fromAsync(opened().all())).toEqual([]);
    timers.shift()!();
    expect(await done.promise).toBeNull();
    expect(await Array.fromAsync(opened().all())).toHaveLength(1);
  });

  test("that comes again is kept once; many that come at once are all kept", async () => {
    const keys = keysAfter(0);
    const faults = await Promise.all(Array.from({ length: 700 }, (_, at) => told(received(keys, at % 600))));
    expect(new Set(faults)).toEqual(new Set([null]));
    await store.settle();
    expect(await Array.fromAsync(store.all())).toHaveLength(600);
    expect((await opened().known(server))?.keys).toHaveLength(1);
  });

  test.each([
    ["another upload", { upload: "f".repeat(32) }],
    ["another size", { size: 1 }],
    ["other content", { sha256: facts.metadata }],
    ["other metadata", { metadata: facts.sha256 }],
  ])("that is about %s than was sent is not kept, and that is said", async (_what, change) => {
    const receipt = received(keysAfter(0));
    const fault = await told({ ...receipt, expected: { ...receipt.expected, ...change } });
    expect(fault).toStartWith(`The receipt of the server is not kept: its "${Object.keys(change)[0]}" is `);
    expect(await Array.fromAsync(store.all())).toEqual([]);
    expect(await store.known(server)).toBeNull();
  });

  test("of another server than the one that sent it, or that was changed, is not kept", async () => {
    const receipt = received(keysAfter(0));
    expect(await told({ ...receipt, server: `SHA256:${"B".repeat(43)}` })).toContain('its "server" is');
    expect(await told({ ...receipt, jws: `${receipt.jws.slice(0, -1)}-` })).toContain("could not be kept");
    expect(await Array.fromAsync(store.all())).toEqual([]);
  });

  test("that cannot be written is said, and the next one is tried", async () => {
    const keys = keysAfter(0);
    await writeFile(folder.file("receipts"), "no folder");
    expect(await told(received(keys))).toContain("could not be kept");
    store = new ReceiptStore(folder.file("other"), clock);
    expect(await told(received(keys))).toBeNull();
  });

  test("of a server whose ids are others is found by a digest of its id", async () => {
    const upload = "https://server/uploads/7";
    const jws = receiptBy(keysAfter(0), { ...facts, upload });
    expect(await told({ ...received(keysAfter(0)), jws, expected: { upload } })).toBeNull();
    const [kept] = await Array.fromAsync(store.all());
    expect(kept?.id).toMatch(/^x[0-9a-f]{32}$/);
  });
});

describe("the keys of a server", () => {
  const kids = async (of = opened()) => (await of.known(server))?.keys.map(({ jwk }) => jwk.x);

  test("are the first that came, and those that it signed over", async () => {
    const first = keysAfter(0);
    await told(received(first, 1));
    const second = succeeded(first, SigningKey.generate(), facts.received);
    const fourth = succeeded(
      succeeded(second, SigningKey.generate(), facts.received),
      SigningKey.generate(),
      facts.received,
    );
    expect(await told(received(second, 2))).toBeNull();
    expect(await told(received(fourth, 3), opened())).toBeNull();
    expect(await kids()).toEqual([first, second, fourth].map(({ current }) => current.publicJwk.x));
    expect(await opened().known(server)).toMatchObject({
      host: "lab.example.org",
      keys: [
        { signedBy: null, since: now.toISOString() },
        { signedBy: first.current.kid },
        { signedBy: second.current.kid },
      ],
    });
  });

  test("are not others that nothing connects with them: that is said, and the receipt is kept", async () => {
    const first = keysAfter(0);
    await told(received(first, 1));
    const fault = await told(received(keysAfter(1), 2));
    expect(fault).toContain("not the one it had since 2026-07-31, nor signed over by it");
    expect(await kids()).toEqual([first.current.publicJwk.x]);
    expect(await Array.fromAsync(store.all())).toHaveLength(2);
  });

  test("that are damaged are said, not replaced", async () => {
    const file = store.knownFile(server);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, "{}");
    expect(await told(received(keysAfter(0)))).toContain("is damaged");
    expect(await readFile(file, "utf8")).toBe("{}");
    expect(opened().known(server)).rejects.toMatchObject({ code: "configuration" });
  });
});

describe("a file with a receipt", () => {
  test.each(["", "\n", "\r\n"])("may end with one line's end (case %#)", async (end) => {
    await writeFile(folder.file("a"), `a.b.c${end}`);
    expect(await readReceiptFile(folder.file("a"))).toBe("a.b.c");
  });

  test("has nothing else, and none is read whole that is too long", async () => {
    await writeFile(folder.file("a"), "a.b.c\n\n");
    expect(await readReceiptFile(folder.file("a"))).toBe("a.b.c\n");
    await writeFile(folder.file("a"), "a".repeat(10_000_000));
    expect((await readReceiptFile(folder.file("a"))).length).toBeLessThan(5000);
    expect(readReceiptFile(folder.file("gone"))).rejects.toMatchObject({ code: "source" });
  });
});

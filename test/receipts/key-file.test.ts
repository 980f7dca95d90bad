// The files of a server's keys for receipts: made once, closed to others, and changed as a whole.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmod, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LogFields } from "../../src/base/log.ts";
import { type GiverParts, openGiver } from "../../src/receipts/giver.ts";
import { publicKeySet, readPublicKeys } from "../../src/receipts/key-chain.ts";
import { readSigningKeys, rotateKey, signingKeysIn } from "../../src/receipts/key-file.ts";
import { thumbprintOf } from "../../src/receipts/signing-key.ts";
import { verifyReceipt } from "../../src/receipts/verify.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { facts, server } from "./some-receipt.ts";

const isWindows = process.platform === "win32";
let folder: TempFolder;
let home: string;
let log: { readonly message: string; readonly fields: LogFields }[];
const clock = new ManualClock();

beforeEach(async () => {
  folder = await tempFolder();
  home = join(folder.path, "home");
  log = [];
});
afterEach(() => folder[Symbol.asyncDispose]());

const giverOf = (onKey: GiverParts["onKey"] = () => {}) =>
  openGiver({
    ...{ home, server, clock, onKey },
    logger: { log: (_level, message, fields = {}) => void log.push({ message, fields }) },
  });
const kidOf = async (receipt: string | null | undefined) =>
  receipt == null ? null : (await verifyReceipt(receipt, async () => [])).kid;

describe("the key of a server", () => {
  test("is made once, in a file for its owner alone, and its public part beside it", async () => {
    expect(await readSigningKeys(home)).toBeNull();
    const made = await signingKeysIn(home);
    expect((await signingKeysIn(home)).current.kid).toBe(made.current.kid);
    if (!isWindows) expect((await stat(join(home, "receipts.key_secret"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home, "receipts.jwks"), "utf8")).toBe(publicKeySet(made));
  });

  test("is one, of two servers that start at once", async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => signingKeysIn(home)));
    expect(new Set(all.map(({ current }) => current.kid)).size).toBe(1);
  });

  test.skipIf(isWindows)("that others can read is refused, as the server's other one is", async () => {
    await signingKeysIn(home);
    await chmod(join(home, "receipts.key_secret"), 0o640);
    expect(giverOf()).rejects.toMatchObject({
      code: "configuration",
      hint: expect.stringMatching(/^chmod 600/),
    });
  });

  test.each(["", "{}", '{"schema":1,"key":{"kty":"OKP"},"earlier":[]}', "x".repeat(5_000_000)])(
    "that is damaged is refused and left alone (case %#)",
    async (text) => {
      await signingKeysIn(home);
      const file = join(home, "receipts.key_secret");
      await writeFile(file, text);
      expect(signingKeysIn(home)).rejects.toMatchObject({ code: "configuration" });
      expect(rotateKey(home, clock)).rejects.toMatchObject({ code: "configuration" });
      expect(await readFile(file, "utf8")).toBe(text);
    },
  );

  test("is followed by one that it signed over, and all of them are told", async () => {
    const first = await signingKeysIn(home);
    for (let change = 1; change <= 4; change++) {
      const { before, keys } = await rotateKey(home, clock);
      expect(keys.earlier).toHaveLength(change);
      expect(keys.earlier.at(-1)?.jwk).toEqual(before.publicJwk);
    }
    const there = await readSigningKeys(home);
    const all = readPublicKeys(await readFile(join(home, "receipts.jwks"), "utf8")) ?? [];
    expect(all.map(thumbprintOf)).toEqual([
      there?.current.kid ?? "",
      ...(there?.earlier ?? []).map(({ jwk }) => thumbprintOf(jwk)).toReversed(),
    ]);
    expect(all.at(-1)).toEqual(first.current.publicJwk);
    if (!isWindows) expect((await stat(join(home, "receipts.key_secret"))).mode & 0o777).toBe(0o600);
  });
});

describe("a server that runs", () => {
  test("makes the public file again that is gone", async () => {
    await signingKeysIn(home);
    await rm(join(home, "receipts.jwks"));
    await giverOf();
    expect(readPublicKeys(await readFile(join(home, "receipts.jwks"), "utf8"))).toHaveLength(1);
  });

  test("signs with another key soon after it was changed, and goes on with its own where that cannot be read", async () => {
    const giver = await giverOf();
    const first = await kidOf(giver?.receiptFor(facts));
    const { keys } = await rotateKey(home, clock);
    expect(await kidOf(giver?.receiptFor(facts))).toBe(first);
    await signsWith(keys.current.kid);
    await writeFile(join(home, "receipts.key_secret"), "damaged");
    clock.advance(1500);
    giver?.receiptFor(facts);
    while (!log.some(({ message }) => message.includes("cannot be read again")))
      await new Promise<void>((resolve) => setImmediate(resolve));
    expect(await kidOf(giver?.receiptFor(facts))).toBe(keys.current.kid);

    async function signsWith(kid: string): Promise<void> {
      clock.advance(1500);
      while ((await kidOf(giver?.receiptFor(facts))) !== kid)
        await new Promise<void>((resolve) => setImmediate(resolve));
    }
  });

  test("that is told of a change signs with the new key at once, and tells it once", async () => {
    const told: unknown[] = [];
    const giver = await giverOf((change) => told.push(change));
    const { before, keys } = await rotateKey(home, clock);
    await Promise.all([giver?.look(), giver?.look()]);
    expect(giver?.kid).toBe(keys.current.kid);
    expect(await kidOf(giver?.receiptFor(facts))).toBe(keys.current.kid);
    expect(told).toEqual([{ key: keys.current.kid, before: before.kid }]);
  });

  test("that can make none says so, and gives none", async () => {
    await writeFile(home, "no folder");
    expect(await giverOf()).toBeNull();
    expect(log).toMatchObject([{ message: "There is no key for receipts, and none are given" }]);
  });
});

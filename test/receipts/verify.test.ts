// Receipts as they are signed and read: right ones are taken, and nothing else is, whatever was changed in them.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { jsonDigest } from "../../src/base/json-digest.ts";
import { limits } from "../../src/protocol/limits.ts";
import { encodeCompact, jwsCharsMax, readCompact } from "../../src/receipts/compact-jws.ts";
import {
  linksMax,
  publicKeySet,
  readPublicKeys,
  type SigningKeys,
  signReceipt,
} from "../../src/receipts/key-chain.ts";
import { metadataDigestOf } from "../../src/receipts/metadata-digest.ts";
import { type PublicJwk, SigningKey, thumbprintOf } from "../../src/receipts/signing-key.ts";
import { factsOf, statementText } from "../../src/receipts/statement.ts";
import { verifyReceipt } from "../../src/receipts/verify.ts";
import { sidecarText } from "../../src/upload/sidecar.ts";
import { facts, keysAfter, receiptBy, server } from "./some-receipt.ts";

const verify = (receipt: string, ...known: readonly PublicJwk[]) => verifyReceipt(receipt, async () => known);
/** The error code that `receipt` ends with, or "taken". */
const refusalOf = async (receipt: string, ...known: readonly PublicJwk[]): Promise<string> =>
  verify(receipt, ...known).then(
    () => "taken",
    (error) => error.code,
  );
const keys = keysAfter(0);
const key = keys.current.publicJwk;
const receipt = receiptBy(keys);

describe("a receipt", () => {
  test("says what was signed, and by which key, which is known or is not", async () => {
    const statement = { ...facts, server };
    const { kid } = keys.current;
    expect(await verify(receipt, key)).toEqual({ statement, key, kid, by: { type: "known" } });
    expect(await verify(receipt)).toEqual({ statement, key, kid, by: null });
    expect(await verify(receipt, SigningKey.generate().publicJwk)).toMatchObject({ by: null });
    const list = { ...facts, files: facts.sha256 };
    expect(await verify(receiptBy(keys, list), key)).toMatchObject({ statement: list });
  });

  test("is the same each time", () => {
    expect(receiptBy(keys)).toBe(receipt);
  });

  test("is about the key whose server is asked for", async () => {
    const asked: string[] = [];
    await verifyReceipt(receipt, async (fingerprint) => {
      asked.push(fingerprint);
      return [];
    });
    expect(asked).toEqual([server]);
  });

  test("in which any one byte was changed is refused", async () => {
    for (let at = 0; at < receipt.length; at++) {
      const changed = Buffer.from(receipt);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
      expect(await refusalOf(changed.toString("latin1"), key)).toBe("checksum-mismatch");
    }
  });

  test("in which any one character became another of base64 is refused, also where a decoder would not look", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const other of alphabet) {
      const last = receipt.slice(0, -1) + other;
      if (last !== receipt) expect(await refusalOf(last, key)).toBe("checksum-mismatch");
    }
    const change = fc.record({
      at: fc.nat({ max: receipt.length - 1 }),
      to: fc.constantFrom(...alphabet, "."),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, to }) => {
        fc.pre(receipt[at] !== to);
        const changed = receipt.slice(0, at) + to + receipt.slice(at + 1);
        expect(await refusalOf(changed, key)).toBe("checksum-mismatch");
      }),
      { numRuns: 300 },
    );
  });

  test("is refused with anything around it, cut, doubled, or that is none", async () => {
    for (const text of [
      ` ${receipt}`,
      `${receipt}\n`,
      `${receipt}=`,
      receipt.slice(0, -1),
      receipt.slice(1),
      `${receipt}.${receipt}`,
      receipt.split(".").slice(0, 2).join("."),
      "",
      "..",
      "a".repeat(5000),
    ])
      expect(await refusalOf(text, key)).toBe("checksum-mismatch");
  });

  test("for any facts is read as it was signed, or is not given", async () => {
    const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
    const some = fc.record({
      upload: fc.stringMatching(/^[0-9a-f]{32}$/),
      user: fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
      name: fc.string({ unit: "grapheme", minLength: 1, maxLength: 120 }),
      size: fc.maxSafeNat(),
      sha256: digest,
      metadata: digest,
      received: fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
        .map((it) => it.toISOString()),
    });
    const changed = keysAfter(linksMax);
    await fc.assert(
      fc.asyncProperty(some, async (about) => {
        const signed = signReceipt(changed, server, about);
        if (signed === null) return;
        expect(await verify(signed, key)).toMatchObject({ statement: { ...about, server } });
      }),
      { numRuns: 100 },
    );
  });

  test("fits its frame, with the longest name and user and all changes of the key", () => {
    const long = { ...facts, name: "n".repeat(240), user: "u".repeat(240), files: facts.sha256 };
    expect(receiptBy(keysAfter(5), long).length).toBeLessThanOrEqual(limits.receiptBytesMax);
    expect(jwsCharsMax).toBe(limits.receiptBytesMax);
    expect(signReceipt(keys, server, { ...long, user: "u".repeat(4000) })).toBeNull();
  });
});

/** A receipt as somebody else would make it, signed with the key of `by`. */
function made(by: SigningKey, header: object, payload: string = statementText(server, facts)): string {
  const signed = by.sign({ typ: "dync-receipt", jwk: by.publicJwk, ...header }, payload);
  return signed;
}

describe("what somebody makes up is refused:", () => {
  const other = SigningKey.generate();

  test.each([
    ["another key in the header than the one that signed", made(other, { jwk: key, kid: keys.current.kid })],
    ["the name of another key", made(other, { kid: keys.current.kid })],
    ["another type", made(keys.current, { typ: "dync-key" })],
    ["no key", made(keys.current, { jwk: undefined })],
    ["what has to be understood, and nobody does", made(keys.current, { crit: ["b64"], b64: false })],
    ["more changes than there may be", made(keys.current, { chain: ["a", "b", "c", "d"] })],
    [
      "a statement of another schema",
      made(keys.current, {}, JSON.stringify({ schema: 2, ...facts, server })),
    ],
    [
      "a statement without a size",
      made(keys.current, {}, JSON.stringify({ schema: 1, ...facts, server, size: -1 })),
    ],
    ["no statement", made(keys.current, {}, "{}")],
    [
      "no signature",
      encodeCompact(
        JSON.stringify({ alg: "none", kid: keys.current.kid, typ: "dync-receipt", jwk: key }),
        statementText(server, facts),
        () => new Uint8Array(64),
      ),
    ],
  ])("%s", async (_what, text) => {
    expect(await refusalOf(text, key, other.publicJwk)).toBe("checksum-mismatch");
  });

  test("by a key of its own, which nobody knows", async () => {
    expect(await verify(made(other, {}), key)).toMatchObject({ by: null });
  });
});

describe("a key that came after another", () => {
  const kidsOf = ({ earlier, current }: SigningKeys) => [
    ...earlier.map(({ jwk }) => thumbprintOf(jwk)),
    current.kid,
  ];

  test("is taken by who knows any of the last ones before it, and by nobody who missed more", async () => {
    const changed = keysAfter(linksMax + 1);
    const signed = receiptBy(changed);
    const kids = kidsOf(changed);
    for (const [at, { jwk }] of changed.earlier.entries()) {
      const by = at === 0 ? null : { type: "succession", from: kids[at] };
      expect((await verify(signed, jwk)).by).toEqual(by as never);
    }
    expect((await verify(signed, changed.current.publicJwk)).by).toEqual({ type: "known" });
  });

  test("is taken by who has the server's list of keys, whatever was missed", async () => {
    const changed = keysAfter(8);
    const all = readPublicKeys(publicKeySet(changed)) ?? [];
    expect(all.map(thumbprintOf)).toEqual(kidsOf(changed).toReversed());
    expect((await verify(receiptBy(changed), ...all)).by).toEqual({ type: "known" });
    const first = all.slice(-1);
    expect((await verify(receiptBy({ current: changed.current, earlier: [] }), ...first)).by).toBeNull();
  });

  test("is not taken by links that another key made, nor by those of another successor", async () => {
    const changed = keysAfter(1);
    const [first] = changed.earlier;
    const thief = SigningKey.generate();
    const own = thief.sign(
      { typ: "dync-key", kid: thumbprintOf(first!.jwk) },
      JSON.stringify({ schema: 1, successor: thief.publicJwk, at: facts.received }),
    );
    expect((await verify(made(thief, { chain: [own] }), first!.jwk)).by).toBeNull();
    expect((await verify(made(thief, { chain: [first!.link] }), first!.jwk)).by).toBeNull();
    const damaged = first!.link.replace(/.$/, (it) => (it === "A" ? "B" : "A"));
    expect((await verify(made(thief, { chain: [damaged, "", "a.b.c"] }), first!.jwk)).by).toBeNull();
  });

  test("has receipts of before that stay good", async () => {
    const before = keysAfter(0);
    const old = receiptBy(before);
    expect((await verify(old, before.current.publicJwk)).by).toEqual({ type: "known" });
  });
});

describe("keys that are read", () => {
  test.each([
    ["a set", publicKeySet(keys), 1],
    ["one key", JSON.stringify(key), 1],
    ["one with members of others", JSON.stringify({ ...key, kid: "x", alg: "EdDSA" }), 1],
    ["an empty set", '{"keys":[]}', null],
    ["a key of another kind", JSON.stringify({ ...key, crv: "X25519" }), null],
    [
      "one whose bytes are written in another way",
      JSON.stringify({ ...key, x: `${key.x.slice(0, -1)}9` }),
      null,
    ],
    ["no JSON", "SHA256:abc", null],
  ])("%s", (_what, text, count) => {
    expect(readPublicKeys(text)?.length ?? null).toBe(count);
  });

  test("show no secret in any way that they are printed", () => {
    const secret = keys.current.reveal().d;
    const shown = [JSON.stringify(keys), Bun.inspect(keys), String(keys.current), publicKeySet(keys)];
    for (const text of shown) expect(text).not.toContain(secret);
    expect(SigningKey.of(keys.current.reveal())?.kid).toBe(keys.current.kid);
    expect(SigningKey.of({ ...keys.current.reveal(), x: SigningKey.generate().publicJwk.x })).toBeNull();
  });
});

describe("the digest of metadata", () => {
  test("is the same for all texts that say the same, and has the form that the protocol names", () => {
    const text = '{ "b": [100, 1.50, -0.0, 1e400], "a": "\\u00e4\\ud800", "c": {"z": null, "y": true} }';
    const canonical = '{"a":"ä\\ud800","b":[1e2,15e-1,0,1e400],"c":{"y":true,"z":null}}';
    const wanted = new Bun.CryptoHasher("sha256").update(canonical).digest("hex");
    expect(metadataDigestOf(text)).toBe(wanted);
    expect(metadataDigestOf("[1]")).toBeNull();
    expect(metadataDigestOf("no")).toBeNull();
  });

  test("of the text beside the data is that of what was sent, without what the server added", () => {
    const sent = '{"sample":"S1","run":7}';
    const { upload: id, received: receivedAt, ...rest } = facts;
    const complete = {
      ...{
        ...rest,
        id,
        identity: "aa",
        place: null,
        contents: null,
        modified: null,
        receivedAt,
        client: null,
      },
      metadataText: '{"sample":"S1","run":7,"project":"P"}',
      added: '["project"]',
    };
    expect(metadataDigestOf(sidecarText(complete))).toBe(jsonDigest(sent) as string);
    expect(factsOf(complete)).toEqual({ ...facts, metadata: jsonDigest(sent) as string });
  });
});

test("a text in compact form is read strictly", () => {
  expect(readCompact(receipt)).toMatchObject({ header: { alg: "EdDSA" }, payload: { schema: 1 } });
  expect(readCompact(`!${receipt}`)).toBeNull();
  expect(readCompact(["_w", "_w", "A".repeat(86)].join("."))).toBeNull();
});

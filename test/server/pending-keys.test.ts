// Keys that were refused: the latest are known, and no flood of them drives out those of another address.

import { expect, test } from "bun:test";
import { generateKeyPair, type PublicKey } from "../../src/keys/key.ts";
import { PendingKeys } from "../../src/server/pending-keys.ts";

const keys: readonly PublicKey[] = Array.from({ length: 400 }, () => generateKeyPair().publicKey);
const at = (seconds: number) => new Date(1_800_000_000_000 + 1000 * seconds);
const nobody = () => false;

test("the latest come first, each once, with what is known of it", () => {
  const pending = new PendingKeys();
  const [first, second] = keys as [PublicKey, PublicKey];
  pending.note(first, "10.0.0.1", at(0));
  pending.note(second, "10.0.0.2", at(1));
  pending.note(first, "10.0.0.3", at(2));
  expect(pending.list(nobody)).toEqual([
    { key: first, address: "10.0.0.3", firstAt: at(0), lastAt: at(2), times: 2 },
    { key: second, address: "10.0.0.2", firstAt: at(1), lastAt: at(1), times: 1 },
  ]);
});

test("one that was authorised since is none", () => {
  const pending = new PendingKeys();
  for (const key of keys.slice(0, 3)) pending.note(key, "10.0.0.1", at(0));
  const left = pending.list((key) => key === keys[1]?.text).map(({ key }) => key);
  expect(left).toEqual([keys[2], keys[0]] as PublicKey[]);
});

test("a flood from one address drives out its own only", () => {
  const pending = new PendingKeys();
  const [lab, ...others] = keys as [PublicKey, ...PublicKey[]];
  pending.note(lab, "10.0.0.1", at(0));
  for (const key of others) pending.note(key, "10.6.6.6", at(1));
  const list = pending.list(nobody);
  expect(list.length).toBe(17);
  expect(list.at(-1)?.key).toBe(lab);
  expect(list[0]?.key).toBe(others.at(-1) as PublicKey);
});

test("a flood from many addresses is bounded, and takes from those that have most", () => {
  const pending = new PendingKeys();
  const [lab, ...others] = keys as [PublicKey, ...PublicKey[]];
  pending.note(lab, "10.0.0.1", at(0));
  for (const [index, key] of others.entries()) pending.note(key, `10.6.6.${index % 40}`, at(1));
  const list = pending.list(nobody);
  expect(list.length).toBe(128);
  expect(list.some(({ key }) => key === lab)).toBe(true);
});

test("one that somebody refused is not heard of again, and no more of these are kept than of the others", () => {
  const pending = new PendingKeys();
  const [first, second] = keys as [PublicKey, PublicKey];
  for (const key of [first, second]) pending.note(key, "10.0.0.1", at(0));
  expect(pending.dismiss(first.fingerprint)).toBe(true);
  expect(pending.dismiss(first.fingerprint)).toBe(false);
  pending.note(first, "10.0.0.1", at(1));
  expect(pending.list(nobody).map(({ key }) => key)).toEqual([second]);
  // 128 others later the first one may ask again.
  for (const key of keys.slice(2, 130)) {
    pending.note(key, "10.0.0.2", at(2));
    pending.dismiss(key.fingerprint);
  }
  pending.note(first, "10.0.0.1", at(3));
  expect(pending.list(nobody).map(({ key }) => key)).toContain(first);
});

test("what is known can be taken over elsewhere, behind what is known there, within the same bounds", () => {
  const [one, other] = [new PendingKeys(), new PendingKeys()];
  const [lab, late, ...flood] = keys as [PublicKey, PublicKey, ...PublicKey[]];
  for (const key of flood.slice(0, 20)) one.note(key, "10.6.6.6", at(0));
  one.note(lab, "10.0.0.1", at(1));
  one.dismiss(flood[19]?.fingerprint ?? "");
  for (const key of [lab, late, flood[19] as PublicKey]) other.note(key, "10.0.0.2", at(2));
  const before = one.state;
  one.add(other.state);
  expect(one.list(nobody).slice(0, 2)).toEqual([
    { key: late, address: "10.0.0.2", firstAt: at(2), lastAt: at(2), times: 1 },
    { key: lab, address: "10.0.0.2", firstAt: at(1), lastAt: at(2), times: 2 },
  ]);
  expect(one.list(nobody)).toHaveLength(17);
  one.replace(before);
  expect(one.state).toEqual(before);
  one.add({ keys: [{ ...before.keys[0]!, key: "none" }], dismissed: [lab.fingerprint, "SHA256:unknown"] });
  expect(one.has(lab.text)).toBe(false);
  expect(one.state.dismissed).toEqual([flood[19]?.fingerprint ?? "", lab.fingerprint, "SHA256:unknown"]);
});

test("one that was let in is forgotten, and is a new one when it asks again", () => {
  const pending = new PendingKeys();
  const [first, second] = keys as [PublicKey, PublicKey];
  for (const key of [first, second]) pending.note(key, "10.0.0.1", at(0));
  expect(pending.forgetAuthorised((key) => key === first.text)).toEqual([first.text]);
  expect([pending.has(first.text), pending.has(second.text)]).toEqual([false, true]);
  pending.note(first, "10.0.0.1", at(5));
  expect(pending.list(nobody)[0]).toMatchObject({ key: first, firstAt: at(5), times: 1 });
});

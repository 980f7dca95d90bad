import { expect, test } from "bun:test";
import { WaitingTexts } from "../../src/watch/waiting-texts.ts";
import type { Waiting } from "../../src/watch/watch-list.ts";

const lacking = (path: string): Waiting => ({
  reason: "metadata-missing",
  detail: `There is none; write /data/${path}.meta.json, or give some with -m or -k`,
});

test("what differs by the path of the entry alone is one text, and each gets its own back", () => {
  const texts = new WaitingTexts();
  const paths = ["a", "run1/a", "$&", "metadata", "/"];
  const ids = paths.map((path) => texts.take(lacking(path), () => path));
  expect(ids.map((id, at) => texts.of(id, () => paths[at]!))).toEqual(paths.map(lacking));
  const [one, other] = ["run-000001.raw", "run-000002.raw"].map((path) =>
    texts.take(lacking(path), () => path),
  );
  expect(one).toBe(other!);
  expect(texts.reasons).toEqual({ "metadata-missing": paths.length + 2 });
});

test("a text is forgotten with the last entry that waits for it, and its place is used again", () => {
  const texts = new WaitingTexts();
  const settling = { reason: "settling", detail: "" } as const;
  const first = texts.take(settling, () => "a");
  expect(texts.take(settling, () => "b")).toBe(first);
  texts.giveBack(first);
  expect(texts.reasons).toEqual({ settling: 1 });
  texts.giveBack(first);
  expect([texts.of(first, () => "a"), texts.reasonOf(first), texts.reasons]).toEqual([null, null, {}]);
  expect(texts.take({ reason: "refused", detail: "no" }, () => "c")).toBe(first);
  expect(texts.of(first, () => "c")).toEqual({ reason: "refused", detail: "no" });
});

test("nothing that is waited for is no text", () => {
  const texts = new WaitingTexts();
  const id = texts.take(null, () => "a");
  texts.giveBack(id);
  expect([texts.of(id, () => "a"), texts.reasonOf(id), texts.reasons]).toEqual([null, null, {}]);
});

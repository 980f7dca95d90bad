// That the long test of several servers would find what it looks for: a second publication, what was sent again without a reason, and a hook that
// is told too little or too often.

import { expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { type AskedStore, MadeOnce } from "../faults/made-once.ts";
import { Course } from "../faults/sent-again.ts";
import { ToldHook } from "../faults/told-hooks.ts";
import type { StoreRequest } from "./ceph.ts";
import { runProgram } from "./programs.ts";
import { tempFolder } from "./temp-folder.ts";

const MB = 1e6;

/** A store with these objects, each with when it was made, that was asked this. */
function storeOf(objects: Readonly<Record<string, number>>, requests: readonly StoreRequest[]): AskedStore {
  const all = Object.entries(objects).map(([key, at]) => ({ key, etag: "etag", modified: new Date(at) }));
  const list = async function* (prefix: string) {
    yield* all.filter(({ key }) => key.startsWith(prefix));
  };
  return { bucket: { client: { list } }, ceph: { requests: async () => requests } };
}

function request(method: string, query: string, status = 200): StoreRequest {
  return { method, key: "lab/1.raw", query: new URLSearchParams(query), status };
}

test.each([
  ["a request", [request("PUT", "")], true],
  ["a request that is refused the second time", [request("PUT", ""), request("PUT", "", 412)], true],
  ["parts that are put together twice", [request("POST", "uploadId=a"), request("POST", "uploadId=a")], true],
  ["two requests", [request("PUT", ""), request("PUT", "")], false],
  ["a request and parts", [request("PUT", ""), request("POST", "uploadId=a")], false],
  ["parts of two", [request("POST", "uploadId=a"), request("POST", "uploadId=b")], false],
])("a file that %s made was published once, or not", async (_by, requests, isOnce) => {
  const parts = [request("POST", "uploads="), request("PUT", "partNumber=1&uploadId=a")];
  const looked = new MadeOnce().expectSo(storeOf({}, [...parts, ...requests]), ["lab/1.raw"]);
  expect(
    await looked.then(
      () => true,
      () => false,
    ),
  ).toBe(isOnce);
});

test.each([
  ["is as it was", { "lab/run/a": 1, "lab/run-2/a": 3 }, true],
  ["was made anew", { "lab/run/a": 2 }, false],
  ["has something more", { "lab/run/a": 1, "lab/run/b": 1 }, false],
  ["is gone", {}, false],
])("what %s since it was confirmed is found, or right", async (_how, objects, isSame) => {
  const made = new MadeOnce();
  await made.look(storeOf({ "lab/run/a": 1, "lab/run-2/a": 1 }, []), "lab/run");
  const looked = made.expectSo(storeOf(objects, [request("PUT", "")]), ["lab/1.raw"]);
  expect(
    await looked.then(
      () => true,
      () => false,
    ),
  ).toBe(isSame);
});

test.each([
  [28, 0, true],
  [28 + 9, 0, false],
  [28 + 20, 0, false],
  [28 + 20, 1, true],
  [28 + 28, 1, false],
])("of 20 MB under one event %p MB may be sent where it began anew %p times: %p", (sent, anew, isRight) => {
  const course = new Course();
  course.faults.push({ kind: "lines cut", from: 0, to: 10 }, { kind: "lines cut", from: 30, to: 40 });
  const upload = { name: "1.raw", kind: "file", bytes: 20 * MB, from: 5, to: 20 } as const;
  course.uploads.push({ ...upload, wireBytes: sent * MB });
  const look = (): void => course.expectLittleSentAgain(() => anew);
  if (isRight) look();
  else expect(look).toThrow();
});

test("a hook is told of everything, and again only where something may have got lost", async () => {
  await using folder = await tempFolder();
  const hook = await ToldHook.make(folder);
  const tell = async (upload: string): Promise<void> => {
    const told = JSON.stringify({ idempotencyKey: upload, upload: { id: upload, sha256: "sum" } });
    await runProgram([folder.file("told")], { stdin: new Blob([told]) });
  };
  const course = new Course();
  const servers = new Set([String(process.pid)]);
  const look = (...ids: readonly string[]) =>
    hook.expectTold(new Map(ids.map((id) => [id, "sum"])), servers, course).catch(() => "wrong");
  await tell("1");
  expect(await look("1")).toBe(0);
  expect(await look("1", "2")).toBe("wrong");
  expect(await look("2")).toBe("wrong");
  await tell("1");
  expect(await look("1")).toBe("wrong");
  const now = systemClock.now();
  course.faults.push({ kind: "lines cut", from: now - 1000, to: now });
  expect(await look("1")).toBe("wrong");
  course.faults.push({ kind: "server killed", from: now - 1000, to: now });
  expect(await look("1")).toBe(1);
  await tell("1");
  expect(await look("1")).toBe("wrong");
});

// When somebody is told of trouble, in simulated time: a URL that counts is told.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { TroubleNotices } from "../../src/cli/dync/trouble-notices.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const minuteMs = 60_000;

interface Told {
  readonly count: number;
  readonly troubles: readonly { readonly path?: string; readonly reason: string; readonly detail: string }[];
}

let folder: TempFolder;
let clock: ManualClock;
let told: Told[];
let failures: string[];
let onTold: () => void;
let server: ReturnType<typeof Bun.serve>;
let notices: TroubleNotices;

beforeEach(async () => {
  folder = await tempFolder();
  clock = new ManualClock();
  [told, failures, onTold] = [[], [], () => {}];
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      told.push((await request.json()) as Told);
      onTold();
      return new Response();
    },
  });
  notices = open();
});
afterEach(async () => {
  await notices[Symbol.asyncDispose]();
  await server.stop(true);
  await folder[Symbol.asyncDispose]();
});

function open(): TroubleNotices {
  return new TroubleNotices({
    ...{ clock, environment: {}, isDesktopTold: false, folder: "/runs", server: "lab:1" },
    target: { type: "url", url: `http://127.0.0.1:${server.port}/` },
    state: folder.path,
    onFailed: (text) => failures.push(text),
  });
}

/** What was told since the last call: one notice has to come. */
async function next(): Promise<Told["troubles"]> {
  const count = told.length;
  if (count === 0) await new Promise<void>((resolve) => (onTold = resolve));
  const [first, ...others] = told.splice(0);
  expect(others).toEqual([]);
  return first?.troubles ?? [];
}

/** As a new process would: what waits is told first. */
async function restart(): Promise<void> {
  await notices[Symbol.asyncDispose]();
  notices = open();
}

/** Time that passes with nobody being told. */
function quiet(ms: number): void {
  const before = notices.last;
  clock.advance(ms);
  expect(notices.last).toBe(before);
  expect(told).toEqual([]);
}

test("a folder that is away is told of after 15 minutes, once, and again when it was back", async () => {
  notices.lost("it is away");
  quiet(15 * minuteMs - 1);
  clock.advance(1);
  expect(await next()).toEqual([{ reason: "not-reachable", detail: "it is away" }]);
  notices.lost("it is still away");
  quiet(24 * 60 * minuteMs);
  notices.lost(null);
  notices.lost("it is away anew");
  clock.advance(15 * minuteMs);
  expect(await next()).toMatchObject([{ detail: "it is away anew" }]);
});

test("a folder that is back in time is told of to nobody, and its time begins anew", async () => {
  for (let times = 0; times < 10; times++) {
    notices.lost("it is away");
    quiet(15 * minuteMs - 1);
    notices.lost(null);
    quiet(minuteMs);
  }
  // Said by more than one look, the first of them counts.
  notices.lost("it is away");
  quiet(10 * minuteMs);
  notices.lost("it is empty");
  quiet(5 * minuteMs - 1);
  clock.advance(1);
  expect(await next()).toHaveLength(1);
});

test("a server that is away is told of after an hour, once for all entries, until it takes one", async () => {
  for (const path of ["a", "b", "c"]) notices.note({ path, reason: "retrying", detail: "no answer" });
  quiet(59 * minuteMs);
  notices.note({ path: "d", reason: "retrying", detail: "no answer" });
  quiet(minuteMs - 1);
  clock.advance(1);
  expect(await next()).toEqual([{ reason: "retrying", detail: "no answer" }]);
  quiet(24 * 60 * minuteMs);
  notices.sent("a");
  notices.note({ path: "b", reason: "retrying", detail: "again" });
  quiet(60 * minuteMs - 1);
  // One that it takes ends the hour.
  notices.sent("b");
  quiet(60 * minuteMs);
});

test("after a restart nobody is told twice of a server, and of a folder only when it was there in between", async () => {
  notices.note({ path: "a", reason: "retrying", detail: "no answer" });
  clock.advance(60 * minuteMs);
  expect(await next()).toHaveLength(1);
  await restart();
  notices.note({ path: "a", reason: "retrying", detail: "no answer" });
  quiet(120 * minuteMs);
  notices.lost("it is away");
  clock.advance(15 * minuteMs);
  expect(await next()).toMatchObject([{ reason: "not-reachable" }]);
  // It could be looked at, or nothing would have begun.
  await restart();
  notices.lost("it is away anew");
  clock.advance(15 * minuteMs);
  expect(await next()).toMatchObject([{ detail: "it is away anew" }]);
});

test("there is one notice a minute at most, also of what was waited for", async () => {
  notices.lost("it is away");
  clock.advance(15 * minuteMs - 10_000);
  notices.note({ path: "a", reason: "refused", detail: "Name taken" });
  clock.advance(2000);
  expect(await next()).toMatchObject([{ path: "a" }]);
  // The folder's time is over in it, and so is that of what comes meanwhile.
  clock.advance(10_000);
  notices.note({ path: "b", reason: "refused", detail: "Name taken" });
  expect(notices.last?.text).toBe("b: Name taken");
  clock.advance(minuteMs - 10_001);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(await next()).toMatchObject([{ reason: "not-reachable" }, { path: "b" }]);
});

test("whoever ends is told at once of what waits, and what only threatened is forgotten", async () => {
  notices.note({ path: "a", reason: "refused", detail: "Name taken" });
  notices.lost("it is away");
  await restart();
  expect(await next()).toMatchObject([{ path: "a" }]);
  quiet(60 * minuteMs);
  expect(failures).toEqual([]);
});

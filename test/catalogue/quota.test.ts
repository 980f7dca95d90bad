// What fits into quotas, and what a count makes of what was known.

import { expect, test } from "bun:test";
import { type Quota, recounted, roomWithin } from "../../src/catalogue/quota.ts";

test("roomWithin() takes the tightest, recounted() never goes below nothing", () => {
  const [large, small]: readonly [Quota, Quota] = [
    { bytes: 100, of: "a" },
    { bytes: 50, of: "b" },
  ];
  const use = { stored: 10, underWay: 5 };
  expect(roomWithin([large, small], () => use)).toEqual({ bytes: 35, tightest: { quota: small, ...use } });
  const [now, before] = [
    { stored: 1, files: 0 },
    { stored: 5, files: 2 },
  ];
  expect(recounted(now, before, { stored: 2, files: 1 })).toEqual({ stored: 0, files: 0 });
});

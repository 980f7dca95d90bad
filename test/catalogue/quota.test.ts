// What fits into quotas.

import { expect, test } from "bun:test";
import { type Quota, roomWithin } from "../../src/catalogue/quota.ts";

test("roomWithin() takes the tightest", () => {
  const [large, small]: readonly [Quota, Quota] = [
    { bytes: 100, of: "a" },
    { bytes: 50, of: "b" },
  ];
  const use = { stored: 10, underWay: 5 };
  expect(roomWithin([large, small], () => use)).toEqual({ bytes: 35, tightest: { quota: small, ...use } });
});

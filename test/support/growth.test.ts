import { expect, test } from "bun:test";
import { growthOf, type Held, heldBy } from "./growth.ts";

const MB = 1_000_000;

/** Forty samples; what is held without a leak goes up and down, as garbage does. */
function samples(leak: (at: number) => Partial<Held>): Held[] {
  return Array.from({ length: 40 }, (_, at) => {
    const { bytes = 0, descriptors = 0, threads = 0 } = leak(at);
    return {
      bytes: (100 + (at % 5) * 10) * MB + bytes,
      descriptors: 30 + (at % 3) + descriptors,
      threads: 12 + threads,
    };
  });
}

test("garbage is no growth, nor is what the first quarter brings", () => {
  expect(growthOf(samples(() => ({}))).more).toEqual({ bytes: 0, descriptors: 0, threads: 0 });
  expect(growthOf(samples((at) => ({ bytes: Math.min(at, 9) * MB }))).more).toMatchObject({ bytes: 0 });
});

test("what is left each time is seen among the garbage", () => {
  const leaking = samples((at) => ({
    bytes: at * MB,
    descriptors: Math.floor(at / 5),
    threads: at > 25 ? 1 : 0,
  }));
  expect(growthOf(leaking).more).toEqual({ bytes: 20 * MB, descriptors: 4, threads: 1 });
});

test.skipIf(process.platform !== "linux")("a process holds something", () => {
  const { bytes, descriptors, threads } = heldBy(process.pid);
  expect(bytes).toBeGreaterThan(10 * MB);
  expect(descriptors).toBeGreaterThan(2);
  expect(threads).toBeGreaterThan(0);
});

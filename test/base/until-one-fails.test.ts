import { describe, expect, test } from "bun:test";
import { untilOneFails } from "../../src/base/until-one-fails.ts";

/** Goes on until the signal aborts, and a turn longer; notes then how it ended. */
function goingOn(ended: unknown[]): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.resolve();
    ended.push(signal.reason);
    throw new Error("ended by the signal");
  };
}

describe("untilOneFails", () => {
  test("the first that fails ends the others, and its reason is told when they have ended", async () => {
    const fault = new Error("no more");
    const ended: unknown[] = [];
    const failing = async (): Promise<void> => {
      await Promise.resolve();
      throw fault;
    };
    const all = untilOneFails([goingOn(ended), failing, goingOn(ended)], new AbortController().signal);
    expect(await all.catch((error: unknown) => error)).toBe(fault);
    expect(ended).toEqual([fault, fault]);
  });

  test("who stops all of them hears that reason", async () => {
    const stop = new AbortController();
    const ended: unknown[] = [];
    const all = untilOneFails([goingOn(ended)], stop.signal);
    stop.abort("enough");
    expect(await all.catch((error: unknown) => error)).toBe("enough");
    expect(ended).toEqual(["enough"]);
  });

  test("nothing begins where it was stopped before", async () => {
    const begun: string[] = [];
    const work = async (): Promise<void> => void begun.push("it");
    const all = untilOneFails([work], AbortSignal.abort("before"));
    expect(await all.catch((error: unknown) => error)).toBe("before");
    expect(begun).toEqual([]);
  });

  test("it is over when all are done", async () => {
    await untilOneFails([async () => {}, async () => {}], new AbortController().signal);
  });
});

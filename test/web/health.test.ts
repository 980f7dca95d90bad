// What says that a server lives and takes uploads.

import { describe, expect, test } from "bun:test";
import { healthHandler, type ReadyParts, readyHandler } from "../../src/web/health.ts";
import type { HttpRequest } from "../../src/web/http/http-message.ts";
import { ManualClock } from "../support/manual-clock.ts";

const request: HttpRequest = {
  ...{ method: "GET", path: "/readyz", query: new URLSearchParams(), from: "10.0.0.1" },
  ...{ isSecure: false, body: async () => "" },
  header: () => undefined,
};
const well: ReadyParts = {
  ...{ clock: new ManualClock(), server: { isServing: true } },
  ...{ askCatalogue: async () => [], freeBytes: async () => null },
};

describe("a server", () => {
  test("that can answer lives", async () => {
    expect(await healthHandler(request)).toMatchObject({ status: 200, body: { text: "ok\n" } });
  });

  const fails = async (): Promise<never> => {
    throw new Error("locked");
  };
  test.each<[string, Partial<ReadyParts>, number, string]>([
    ["is ready", {}, 200, "ok"],
    ["with room is ready", { freeBytes: async () => 1e9 }, 200, "ok"],
    [
      "that begins or ends is not",
      { server: { isServing: false } },
      503,
      "The server is starting, or going down",
    ],
    ["without room is not", { freeBytes: async () => 100 }, 503, "There is no room for another upload"],
    ["whose catalogue fails is not", { askCatalogue: fails }, 503, "locked"],
  ])("%s", async (_, more, status, text) => {
    const answer = await readyHandler({ ...well, ...more })(request);
    expect(answer).toMatchObject({ status, body: { text: `${text}\n` } });
  });

  test("whose disk does not answer is not ready, after a moment", async () => {
    const clock = new ManualClock();
    const answer = readyHandler({ ...well, clock, freeBytes: () => new Promise(() => {}) })(request);
    clock.advance(2_000);
    expect(await answer).toMatchObject({
      status: 503,
      body: { text: "The disk or the catalogue does not answer\n" },
    });
  });
});

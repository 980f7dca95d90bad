// Which addresses a host has is asked once for many connections, and again when they are of no use.

import { expect, test } from "bun:test";
import { Addresses } from "../../src/transport/zmq/addresses.ts";
import { ManualClock } from "../support/manual-clock.ts";

function addressesOver(answers: (readonly string[])[]) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const addresses = new Addresses(clock, {
    lookUp: async (host) => {
      asked.push(host);
      return answers.shift() ?? [];
    },
  });
  return { addresses, asked, clock };
}

test("a host is looked up once, also by those who ask at the same time, and again after a while", async () => {
  const { addresses, asked, clock } = addressesOver([["10.0.0.1", "::1"], ["10.0.0.2"]]);
  const all = await Promise.all(Array.from({ length: 100 }, () => addresses.of("lab")));
  for (const one of all) expect(one).toEqual(["10.0.0.1", "::1"]);
  expect(asked).toEqual(["lab"]);
  clock.advance(10_000);
  expect(await addresses.of("lab")).toEqual(["10.0.0.2"]);
});

test("one whose addresses were of no use, or that was not known, is looked up again at once", async () => {
  const { addresses, asked } = addressesOver([[], ["10.0.0.1"], ["10.0.0.2"]]);
  expect(await addresses.of("lab")).toEqual([]);
  addresses.forget("lab");
  expect(await addresses.of("lab")).toEqual(["10.0.0.1"]);
  addresses.forget("lab");
  expect(await addresses.of("lab")).toEqual(["10.0.0.2"]);
  expect(asked).toEqual(["lab", "lab", "lab"]);
});

test("an address is its own", async () => {
  const { addresses, asked } = addressesOver([]);
  expect(await addresses.of("127.0.0.1")).toEqual(["127.0.0.1"]);
  expect(await addresses.of("[::1]")).toEqual(["::1"]);
  expect(asked).toEqual([]);
});

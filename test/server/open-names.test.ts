// Which upload fills which name.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { OpenNames } from "../../src/server/open-names.ts";
import { namesClash } from "../../src/upload/names.ts";

test("a name has a holder from its claim until it is released", () => {
  const names = new OpenNames();
  expect(names.holders("anna", "a.raw")).toEqual([]);
  names.claim("anna", "a.raw", "1");
  expect(names.holders("anna", "a.raw")).toEqual(["1"]);
  expect(names.holders("bert", "a.raw")).toEqual([]);
  names.release("1");
  expect(names.holders("anna", "a.raw")).toEqual([]);
});

const clashes = [
  ["Run.raw", "run.RAW"],
  ["caf\u00e9", "cafe\u0301"],
  ["a", "a.sha256"],
  ["a", "A.Meta.json"],
  ["a.sha256", "a"],
  ["a.meta.json", "a"],
] as const;
test.each(clashes)("%p is held by whoever fills %p", (wanted, held) => {
  const names = new OpenNames();
  names.claim("anna", held, "1");
  expect(names.holders("anna", wanted)).toEqual(["1"]);
});

test("one name may be in the way of two uploads, and its claim takes both of theirs", () => {
  const names = new OpenNames();
  names.claim("anna", "a.sha256", "1");
  names.claim("anna", "a.meta.json", "2");
  expect([...names.holders("anna", "a")].sort()).toEqual(["1", "2"]);
  names.claim("anna", "a", "3");
  expect(names.holders("anna", "a.sha256")).toEqual(["3"]);
  expect(names.holders("anna", "a.sha256.sha256")).toEqual([]);
});

test("the late release of a former holder does not take the name from its new one", () => {
  const names = new OpenNames();
  names.claim("anna", "a", "1");
  names.claim("anna", "A", "2");
  names.release("1");
  expect(names.holders("anna", "a")).toEqual(["2"]);
  names.release("unknown");
});

test("no two uploads ever hold names of one user that clash", () => {
  const name = fc.constantFrom("a", "A", "b", "a.sha256", "a.meta.json", "a.sha256.sha256", "B.SHA256");
  const step = fc.record({ claim: fc.boolean(), user: fc.constantFrom("anna", "bert"), name, id: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const names = new OpenNames();
      // What the contract says, the long way round.
      let held: { id: string; user: string; name: string }[] = [];
      for (const [index, { claim, user, name: wanted, id: number }] of steps.entries()) {
        const id = claim ? `${index}` : `${number}`;
        if (claim) {
          held = held.filter((one) => one.user !== user || !namesClash(one.name, wanted));
          held.push({ id, user, name: wanted });
          names.claim(user, wanted, id);
        } else {
          held = held.filter((one) => one.id !== id);
          names.release(id);
        }
        const expected = held.filter((one) => one.user === user && namesClash(one.name, wanted));
        expect([...names.holders(user, wanted)].sort()).toEqual(expected.map((one) => one.id).sort());
      }
    }),
  );
});

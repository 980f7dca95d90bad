// What is thrown for many things of one kind.

import { expect, test } from "bun:test";
import { DyncError, SeveralErrors } from "../../../src/base/error.ts";
import { errorOf, FirstOf } from "../../../src/client/listing/first-of.ts";

const common = (count: number): DyncError => new DyncError("source", `${count} are bad`, { hint: "mend" });

test("for one alone it is that one, with all that it lists and the hint of all", () => {
  const errors = new FirstOf<DyncError>();
  expect(errorOf(errors, common)).toBeNull();
  const faults = [{ path: "", text: "is a pipe" }];
  errors.add(new DyncError("source", "a is a pipe", { hint: "look", faults }));
  expect(errorOf(errors, common)).toMatchObject({
    ...{ code: "source", message: "a is a pipe" },
    ...{ hint: "mend", faults },
  });
  errors.add(new DyncError("source", "b is a pipe"));
  expect(errorOf(errors, common)).toBeInstanceOf(SeveralErrors);
});

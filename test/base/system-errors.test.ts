// What the system's error codes mean.

import { expect, test } from "bun:test";
import { isPassing, isShortage, whyUnreadable } from "../../src/base/system-errors.ts";

function fault(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says it`), { code });
}

test("a shortage of the process passes, a disk that is full passes too, what somebody has to mend does not", () => {
  const said = (code: string) => [isShortage(fault(code)), isPassing(fault(code))];
  expect(said("EMFILE")).toEqual([true, true]);
  expect(said("ENOSPC")).toEqual([false, true]);
  expect(said("EACCES")).toEqual([false, false]);
  expect(isPassing(new Error("EMFILE"))).toBe(false);
});

test("why a file cannot be read is said in words, or as the system says it", () => {
  expect(whyUnreadable(fault("EISDIR"))).toBe("it is a folder");
  expect(whyUnreadable(fault("ENXIO"))).toBe("ENXIO: as the system says it");
});

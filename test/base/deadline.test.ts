// Until when something is good: days and moments, read and shown.

import { expect, test } from "bun:test";
import { deadlineText, parseDeadline, shownDeadline } from "../../src/base/deadline.ts";

test("a day is good to its end, by the clock of this machine", () => {
  const deadline = parseDeadline("2027-01-31") as Date;
  expect(deadline).toEqual(new Date(2027, 0, 31, 23, 59, 59));
  expect(shownDeadline(deadline)).toBe("2027-01-31");
  expect(parseDeadline(deadlineText(deadline))).toEqual(deadline);
});

test.each([
  ["2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"],
  ["2027-01-31T12:00:00+01:00", "2027-01-31T11:00:00Z"],
  ["2027-01-31t12:00:00.999z", "2027-01-31T12:00:00Z"],
  ["2027-01-31 12:00-05:30", "2027-01-31T17:30:00Z"],
  ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z"],
])("%j is a moment", (text, moment) => {
  expect(deadlineText(parseDeadline(text) as Date)).toBe(moment);
});

test("a moment is shown to the minute, by the clock of this machine", () => {
  expect(shownDeadline(new Date(2027, 0, 31, 12, 5))).toBe("2027-01-31 12:05");
});

test.each([
  "",
  "tomorrow",
  "2027-1-31",
  "31.01.2027",
  "2027-02-29",
  "2027-13-01",
  "2027-00-01",
  "2027-01-31T12:00:00",
  "2027-01-31T24:00:00Z",
  "2027-01-31T12:60:00Z",
  "2027-01-31T12:00:00+25:00",
  " 2027-01-31",
  "2027-01-31\n",
])("%j is none", (text) => {
  expect(parseDeadline(text)).toBe(null);
});

// Where a catalogue is, as people write it; the password in an address stays where it was written.

import { expect, test } from "bun:test";
import { catalogueAddresses, withoutPassword } from "../../src/config/catalogue-address.ts";

test.each([
  ["sqlite", "sqlite"],
  ["postgres://dync@db.example.org/dync", "postgres://dync@db.example.org/dync"],
  [
    "postgresql://dync@[::1]:5433/dync?sslmode=verify-full",
    "postgresql://dync@[::1]:5433/dync?sslmode=verify-full",
  ],
  ["postgres:///dync", "postgres:///dync"],
  ["postgres://dync@/dync?host=%2Frun%2Fpostgresql", "postgres://dync@/dync?host=%2Frun%2Fpostgresql"],
  ["postgres://dync:s%40cret@db/dync", "postgres://dync:***@db/dync"],
  ["postgres://dync:se@cret@db/dync", "postgres://dync:***@db/dync"],
  [
    "postgres://db/dync?user=dync&password=secret&sslmode=disable",
    "postgres://db/dync?user=dync&password=***&sslmode=disable",
  ],
])("%s is taken, and shown as %s", (text, shown) => {
  const parsed = catalogueAddresses.parse(text);
  expect(parsed.ok).toBe(true);
  if (!parsed.ok) return;
  expect(catalogueAddresses.write(parsed.value)).toBe(shown);
  expect(parsed.value).toEqual(text === "sqlite" ? null : { url: text });
});

test.each([
  "",
  "mysql://dync@db/dync",
  "db.example.org",
  "postgres://dync:secret@db:port/dync",
  "postgres://a b@db/x",
  "postgres://a@db/%zz",
])("%p is refused, without its password", (text) => {
  const parsed = catalogueAddresses.parse(text);
  expect(parsed).toMatchObject({
    ok: false,
    fault: { wanted: expect.stringContaining("postgres://USER@HOST/DATABASE") },
  });
  expect(JSON.stringify(parsed)).not.toContain("secret");
});

test("what has no password stays as it is", () => {
  expect(withoutPassword("postgres://dync@db/a:b@c")).toBe("postgres://dync@db/a:b@c");
});

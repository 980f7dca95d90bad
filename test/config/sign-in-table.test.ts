// `[sign-in]` of a server's file: what it says, and everything that is wrong with it.

import { describe, expect, test } from "bun:test";
import { faultsIn, read } from "./faults-in.ts";

describe("whom a proxy lets in", () => {
  const begin = '[sign-in]\nheader = "X-Remote-User"\n';

  test("are people by patterns; the proxy is on this machine unless something else is said", () => {
    const reading = read(`${begin}stewards = ["anna", "/@ops$/"]\nviewers = ["*"]`);
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    const { signIn } = reading.value;
    expect(signIn).toMatchObject({
      ...{ header: "x-remote-user", signOut: null },
      from: [
        { address: "127.0.0.0", bits: 8 },
        { address: "::1", bits: null },
      ],
    });
    expect(
      ["anna", "Anna", "x@ops", "x@ops.org"].map((it) => signIn?.stewards.some((matches) => matches(it))),
    ).toEqual([true, false, true, false]);
    const other = read(
      `${begin}viewers = ["*"]\nfrom = ["10.1.0.0/16", "fd00::/8"]\nsign-out = "/oauth2/sign_out?rd=%2F"`,
    );
    expect(other).toMatchObject({
      value: {
        signIn: { from: [{ bits: 16 }, { address: "fd00::", bits: 8 }], signOut: "/oauth2/sign_out?rd=%2F" },
      },
    });
    expect(read("")).toMatchObject({ value: { signIn: null, signInText: "" } });
  });

  const header = 'the name of a header that the proxy sets: "X-Remote-User"';
  const addresses = 'a list of addresses: ["127.0.0.1", "10.1.0.0/16"]';
  const path = 'a path of the proxy, or an address: "/oauth2/sign_out"';
  const whole = `${begin}viewers = ["*"]\n`;
  test.each([
    ["sign-in = 1", ["1: sign-in: needs a table, found 1"]],
    [begin, ['1: sign-in: needs "stewards" or "viewers": else nobody is let in']],
    ['[sign-in]\nviewers = ["*"]', ["1: sign-in.header: is missing"]],
    ['[sign-in]\nheader = "X User"\nviewers = ["*"]', [`2: sign-in.header: needs ${header}, found "X User"`]],
    ...["Cookie", "Authorization", "From"].map(
      (it) =>
        [
          `[sign-in]\nheader = "${it}"\nviewers = ["*"]`,
          [`2: sign-in.header: needs ${header}, found "${it}"`],
        ] as const,
    ),
    ...["10.1", "10.1.0.0/33", "fd00::/129", "10.0.0.0/8/8", "proxy.example", "fe80::1%eth0"].map(
      (it) => [`${whole}from = ["${it}"]`, [`4: sign-in.from: needs ${addresses}, found "${it}"`]] as const,
    ),
    ...["//elsewhere.example", "javascript:alert(1)", '/a"b'].map(
      (it) =>
        [
          `${whole}sign-out = '${it}'`,
          [`4: sign-in.sign-out: needs ${path}, found ${JSON.stringify(it)}`],
        ] as const,
    ),
  ] as readonly (readonly [string, readonly string[]])[])("%j", (text, faults) => {
    expect(faultsIn(read(text))).toEqual([...faults]);
  });
});

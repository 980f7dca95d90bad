// SERVER and `--port` together.

import { expect, test } from "bun:test";
import { formatServerAddresses } from "../../src/base/format-server-address.ts";
import { faultsOf } from "../../src/cli/command-line-error.ts";
import { serverArgument } from "../../src/cli/server-argument.ts";

test("the port is taken from where it is given, also from both", () => {
  expect(serverArgument("host", undefined)).toEqual({ host: "host", port: 8889 });
  expect(serverArgument("host:1", undefined)).toEqual({ host: "host", port: 1 });
  expect(serverArgument("host", "2")).toEqual({ host: "host", port: 2 });
  expect(serverArgument("[::1]:3", "3")).toEqual({ host: "::1", port: 3 });
});

test("of several addresses those that name no port have the one that is given", () => {
  const also = (text: string, port: string) => formatServerAddresses(serverArgument(text, port));
  expect(also("a,b:5,c", "2")).toBe("a:2,b:5,c:2");
  expect(also("a:2,b:2", "2")).toBe("a:2,b:2");
});

const refusals: readonly (readonly [string, string | undefined, string])[] = [
  ["tcp://host:1", "2", 'SERVER needs a host name or an address, found "tcp://host:1"'],
  ["host:1", "2", 'Two ports are given, "1" with SERVER and "2"'],
  ["host:2,other:1", "2", 'Two ports are given, "1" with SERVER and "2"'],
  ["ho st", "x", 'SERVER needs a host name or an address, found "ho st"'],
  ["host", "x", 'Option "--port" needs a whole number from 1 to 65535, found "x"'],
  ["host:x", "x", 'Option "--port" needs a whole number from 1 to 65535, found "x"'],
  ["host:0", undefined, 'The port in "host:0" needs a whole number from 1 to 65535, found "0"'],
  ["ho\u001bst", undefined, 'SERVER needs a host name or an address, found "ho\\u{1b}st"'],
];
test.each(refusals)("%j with --port %j is refused", (text, port, message) => {
  expect(faultsOf(() => serverArgument(text, port)).map((it) => it.message)).toEqual([message]);
});

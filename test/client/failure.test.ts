// What a broken connection is called to the person who has to do something about it.

import { describe, expect, test } from "bun:test";
import { connectionError } from "../../src/client/failure.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import type { LinkFailure } from "../../src/transport/transport.ts";

const keys = generateKeyPair();
const serverKey = generateKeyPair().publicKey;
const party = { host: "qbic.example", port: 8889, keys, serverKey };

// One of each: the compiler finds one that is missing.
const exits: Readonly<Record<LinkFailure, number>> = {
  refused: 5,
  "unknown-host": 5,
  unreachable: 5,
  "handshake-timeout": 5,
  "key-refused": 7,
  "server-error": 5,
  "server-key-mismatch": 7,
  "not-dync": 7,
  lost: 5,
};
const failures = Object.keys(exits) as LinkFailure[];

describe.each(failures)("a link that went down with %p", (failure) => {
  const error = connectionError(failure, party);

  test("has a message of one line that names the server, and a hint", () => {
    expect(error.message).toMatch(/^[A-Z\w].*[^.\s]$/);
    expect(error.message).not.toContain("\n");
    expect(error.message).toContain("qbic.example");
    expect(error.hint).toMatch(/^\S.*[^.\s]$/);
  });

  test("has its exit status", () => {
    expect(error.meaning.exit).toBe(exits[failure]);
  });

  test("never shows the secret key", () => {
    expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain(keys.secretKey.revealText());
  });
});

test("the port of an IPv6 address can be told from the address", () => {
  expect(connectionError("refused", { ...party, host: "::1" }).message).toBe("Nothing listens at [::1]:8889");
});

test("a refused key shows what the administrator needs to know", () => {
  const { message } = connectionError("key-refused", party);
  expect(message).toContain(keys.publicKey.fingerprint);
  expect(message).not.toContain(keys.publicKey.text);
});

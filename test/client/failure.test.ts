// What a broken connection is called to the person who has to do something about it.

import { describe, expect, test } from "bun:test";
import { connectionError } from "../../src/client/failure.ts";
import { generateKeyPair, type PublicKey } from "../../src/keys/key.ts";
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

describe("a server that does not hold the key that is expected of it", () => {
  const lastWith = (publicKey: PublicKey) => ({
    last: { publicKey, fingerprint: publicKey.fingerprint, at: "2026-11-20T12:00:00.000Z" },
    note: () => {},
  });

  test("and held it before: its key has changed, which is said with the day and what to do", () => {
    const memory = lastWith(serverKey);
    const { message, hint, meaning } = connectionError("server-key-mismatch", { ...party, memory });
    expect(message).toBe(
      `The key of the server at qbic.example:8889 has changed: on 2026-11-20 it was ${serverKey.fingerprint}, which what answers there now does not hold`,
    );
    expect(hint).toContain("dync trust --replace qbic.example:8889 server.key");
    expect(meaning.exit).toBe(7);
  });

  test("and held another one before, when the key here was replaced: both are named", () => {
    const old = generateKeyPair().publicKey;
    const { message } = connectionError("server-key-mismatch", { ...party, memory: lastWith(old) });
    expect(message).toContain(`(${serverKey.fingerprint})`);
    expect(message).toEndWith(`on 2026-11-20 it held ${old.fingerprint}`);
  });

  test("and was never reached: nothing is said to have changed", () => {
    const memory = { last: null, note: () => {} };
    expect(connectionError("server-key-mismatch", { ...party, memory }).message).not.toContain("changed");
  });
});

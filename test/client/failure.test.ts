// What a broken connection is called to the person who has to do something about it.

import { describe, expect, test } from "bun:test";
import { connectionError, strangerError } from "../../src/client/failure.ts";
import { generateKeyPair, type PublicKey } from "../../src/keys/key.ts";
import type { LinkFailure } from "../../src/transport/transport.ts";

const keys = generateKeyPair();
const serverKey = generateKeyPair().publicKey;
const party = { host: "qbic.example", port: 8889, keys, serverKey };

const lastWith = (publicKey: PublicKey) => ({
  last: { publicKey, fingerprint: publicKey.fingerprint, at: "2026-11-20T12:00:00.000Z" },
  note: () => {},
});

// One of each: the compiler finds one that is missing.
const exits: Readonly<Record<LinkFailure, number>> = {
  refused: 5,
  "unknown-host": 5,
  "not-offered": 5,
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

describe("of several addresses", () => {
  test("the one that failed is named, and that there are others", () => {
    const at = { host: "b.example", port: 9, others: 2 };
    expect(connectionError("refused", party, at).message).toBe(
      "Nothing listens at b.example:9, and the server was not found at the 2 other addresses either",
    );
    expect(connectionError("lost", party, { ...at, others: 0 }).message).toBe(
      "The connection to b.example:9 was lost",
    );
  });

  test("one of somebody else is named with the key that is expected, whatever was held elsewhere", () => {
    const memory = lastWith(serverKey);
    const error = strangerError({ ...party, memory }, { host: "b.example", port: 9 });
    expect(error.message).toBe(
      `The server at b.example:9 does not hold the key that is expected of it (${serverKey.fingerprint})`,
    );
    expect(error.code).toBe("wrong-server");
  });

  test("a key is replaced for the address by which the server is known", () => {
    const error = connectionError(
      "server-key-mismatch",
      { ...party, memory: lastWith(serverKey) },
      { host: "b.example", port: 9, others: 1 },
    );
    expect(error.hint).toContain("dync trust --replace qbic.example:8889");
  });

  test("names of SRV records have no port", () => {
    const service = { host: "_dync._tcp.lab.example", port: 8889, others: 0 };
    expect(connectionError("unknown-host", party, service).message).toBe(
      'There are no SRV records for "_dync._tcp.lab.example"',
    );
    expect(connectionError("not-offered", party, service).message).toBe(
      'DNS says that no dync server is there for "_dync._tcp.lab.example"',
    );
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

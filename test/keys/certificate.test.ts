// Key files are ZeroMQ's own: what pyzmq and czmq write loads here, what we write loads in pyzmq, and no error
// ever shows a secret.

import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import fc from "fast-check";
import { DyncError } from "../../src/base/error.ts";
import {
  parseCertificate,
  publicCertificateText,
  secretCertificateText,
  withMetadata,
} from "../../src/keys/certificate.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { changePublicFile, createKeyFiles, loadKeyPair } from "../../src/keys/key-files.ts";
import { tempFolder } from "../support/temp-folder.ts";

const date = new Date("2026-01-02T03:04:05Z");
const python = "/usr/bin/python3";
const hasPyzmq = spawnSync(python, ["-c", "import zmq.auth"]).status === 0;

// Written by czmq 4.2.1 (`zcert_save`).
const czmqSecretFile = `#   ****  Generated on 2026-11-22 08:30:54 by CZMQ  ****
#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.

metadata
    name = "it's # x"
    user_id = "anna maria"
curve
    public-key = "tx?w(^SSc&7NoN@mV6X+!%XGXN2*i%/?FnKlyI[h"
    secret-key = "-mq/]howw?Uo1?Eo+>WqYctk=<CMO97k<vk68me7"`;

describe("other programs' files", () => {
  test("a file that czmq wrote", () => {
    const { publicKey, secretKey, metadata } = parseCertificate(czmqSecretFile, "f");
    expect(publicKey.text).toBe("tx?w(^SSc&7NoN@mV6X+!%XGXN2*i%/?FnKlyI[h");
    expect(secretKey?.publicKey().text).toBe(publicKey.text);
    expect([...metadata]).toEqual([
      ["name", "it's # x"],
      ["user_id", "anna maria"],
    ]);
  });

  test.skipIf(!hasPyzmq)("files that pyzmq makes (skipped without python3-zmq)", async () => {
    await using folder = await tempFolder();
    const script =
      "import sys, zmq.auth; zmq.auth.create_certificates(sys.argv[1], 'client', {'user_id': 'anna # 1', 'odd key': 'x'})";
    expect(spawnSync(python, ["-c", script, folder.path]).status).toBe(0);
    chmodSync(folder.file("client.key_secret"), 0o600);
    const keys = await loadKeyPair(folder.path, "client");
    expect(keys.secretKey.publicKey().text).toBe(keys.publicKey.text);
  });

  test.skipIf(!hasPyzmq)("pyzmq loads ours (skipped without python3-zmq)", async () => {
    await using folder = await tempFolder();
    const script = `import sys, zmq, zmq.auth
public, nothing = zmq.auth.load_certificate(sys.argv[1] + "/client.key")
again, secret = zmq.auth.load_certificate(sys.argv[1] + "/client.key_secret")
assert nothing is None and again == public and zmq.curve_public(secret) == public
assert zmq.auth.load_certificates(sys.argv[1]) == {public: True}
sys.stdout.write(public.decode())`;
    for (let round = 0; round < 5; round++) {
      const { keys } = await createKeyFiles({
        folder: folder.path,
        name: "client",
        userId: "anna",
        date,
        force: true,
      });
      const { status, stdout, stderr } = spawnSync(python, ["-c", script, folder.path], { encoding: "utf8" });
      expect([status, stdout, stderr]).toEqual([0, keys.publicKey.text, ""]);
    }
  });

  test.skipIf(!hasPyzmq)("pyzmq loads one that has got a date (skipped without python3-zmq)", async () => {
    await using folder = await tempFolder();
    const script = `import sys, zmq.auth
public, nothing = zmq.auth.load_certificate(sys.argv[1] + "/client.key")
assert nothing is None and zmq.auth.load_certificates(sys.argv[1]) == {public: True}
sys.stdout.write(public.decode())`;
    for (let round = 0; round < 5; round++) {
      const { keys } = await createKeyFiles({
        folder: folder.path,
        name: "client",
        userId: "anna",
        date,
        force: true,
      });
      await changePublicFile(folder.path, "client.key", (text) =>
        withMetadata(text, "expires", "2027-01-31T22:59:59Z"),
      );
      expect(readFileSync(folder.file("client.key"), "utf8")).toContain('user_id = "anna"');
      const { status, stdout, stderr } = spawnSync(python, ["-c", script, folder.path], { encoding: "utf8" });
      expect([status, stdout, stderr]).toEqual([0, keys.publicKey.text, ""]);
    }
  });
});

test("what we write we read", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[^"\r\n]*$/), (userId) => {
      const keys = generateKeyPair();
      const metadata = new Map([["user_id", userId]]);
      const secret = parseCertificate(secretCertificateText(keys, { date, metadata }), "f");
      expect(secret.publicKey.text).toBe(keys.publicKey.text);
      expect(secret.secretKey?.reveal()).toEqual(keys.secretKey.reveal());
      expect(secret.metadata).toEqual(metadata);
      const open = parseCertificate(publicCertificateText(keys.publicKey, { date, metadata }), "f");
      expect(open.secretKey).toBeNull();
      expect(open.publicKey.text).toBe(keys.publicKey.text);
    }),
    { numRuns: 50 },
  );
});

const key = "tx?w(^SSc&7NoN@mV6X+!%XGXN2*i%/?FnKlyI[h";
const secret = "-mq/]howw?Uo1?Eo+>WqYctk=<CMO97k<vk68me7";

test.each([
  ["Windows' line ends and a byte order mark", `\ufeffcurve\r\n    public-key = "${key}"\r\n`],
  ["single quotes", `curve\n    public-key = '${key}'\n`],
  ["no quotes, although the key could hold a #", `curve\n    public-key = ${key}\n`],
  ["a comment behind the value", `curve # x\n    public-key = "${key}" # mine\n`.replace(" # x", "")],
  ["tabs, no spaces, sections in another order", `curve\n\tpublic-key=${key}\nmetadata\n\ta=b\n`],
  [
    "unknown sections and names",
    `version = 1\nother\n    public-key = "x"\n    !!!\ncurve\n    note = x\n    public-key = ${key}\n`,
  ],
])("%s", (_name, text) => {
  expect(parseCertificate(text, "f").publicKey.text).toBe(key);
});

describe("what is no certificate gets an error with file and line, and without the text", () => {
  test.each([
    ["an empty file", "", "f holds no public key"],
    ["only metadata", "metadata\n    a = b\n", "f holds no public key"],
    ["a key in the wrong section", `metadata\n    public-key = "${key}"\n`, "f holds no public key"],
    [
      "a key that is too short",
      'curve\n    public-key = "abc"\n',
      'f, line 2: "public-key" is not a key, expected 40 characters of Z85',
    ],
    [
      "a closing quote that is missing",
      `curve\n\n    public-key = "${key}\n`,
      'f, line 3: "public-key" is not a key, expected 40 characters of Z85',
    ],
    [
      "a secret key that is none",
      `curve\n    public-key = "${key}"\n    secret-key = "${secret}x"\n`,
      'f, line 3: "secret-key" is not a key, expected 40 characters of Z85',
    ],
    [
      "a key twice",
      `curve\n    public-key = "${key}"\n    public-key = "${key}"\n`,
      'f, line 3: "public-key" is there twice',
    ],
    [
      "another format",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n",
      'f, line 1: expected a section or "name = value"',
    ],
    ["a secret alone on a line", `curve\n    ${secret}\n`, 'f, line 2: expected a section or "name = value"'],
  ])("%s", (_name, text, message) => {
    const error = failure(text);
    expect(error.message).toBe(message);
    expect(error.code).toBe("configuration");
    expect(inspect(error)).not.toContain(secret);
  });

  test("whatever the text is, it is a certificate or a configuration error", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("curve", "\n", "    ", "public-key", "=", '"', "#", key, "'", "\0")),
        (parts) => {
          try {
            parseCertificate(parts.join(""), "f");
          } catch (error) {
            expect(error).toBeInstanceOf(DyncError);
          }
        },
      ),
    );
  });
});

test("a loaded secret is not shown when it is printed or logged", () => {
  const certificate = parseCertificate(czmqSecretFile, "f");
  const printed = [inspect(certificate), JSON.stringify(certificate), `${certificate.secretKey}`];
  for (const text of printed) expect(text).not.toContain(secret);
});

test("a file that is too large is not read", async () => {
  await using folder = await tempFolder();
  writeFileSync(folder.file("client.key_secret"), "#".repeat(20_000), { mode: 0o600 });
  await expect(loadKeyPair(folder.path, "client")).rejects.toThrow("too large for a key file");
});

function failure(text: string): DyncError {
  try {
    parseCertificate(text, "f");
  } catch (error) {
    if (error instanceof DyncError) return error;
    throw error;
  }
  throw new Error("expected an error");
}

describe("withMetadata()", () => {
  const key = "x".repeat(40);
  const body = `metadata\n    user_id = "anna"\ncurve\n    public-key = "${key}"\n`;

  test("adds, replaces and removes one member, and leaves all else as it is", () => {
    const dated = withMetadata(`# mine\n${body}`, "expires", "2027-01-31T22:59:59Z");
    expect(dated).toBe(
      `# mine\n${body.replace("metadata\n", 'metadata\n    expires = "2027-01-31T22:59:59Z"\n')}`,
    );
    expect(parseCertificate(dated, "f").metadata.get("expires")).toBe("2027-01-31T22:59:59Z");
    expect(withMetadata(dated, "expires", "2028-01-31T22:59:59Z")).toBe(dated.replace("2027", "2028"));
    expect(withMetadata(dated, "expires", null)).toBe(`# mine\n${body}`);
    expect(withMetadata(body, "expires", null)).toBe(body);
  });

  test("keeps the ends of lines, and makes the section where there is none", () => {
    const windows = body.replaceAll("\n", "\r\n");
    expect(withMetadata(withMetadata(windows, "expires", "a"), "expires", null)).toBe(windows);
    const bare = `curve\n    public-key = "${key}"\n`;
    const { metadata, publicKey } = parseCertificate(withMetadata(bare, "expires", "a"), "f");
    expect([metadata.get("expires"), publicKey.text]).toEqual(["a", key]);
  });
});

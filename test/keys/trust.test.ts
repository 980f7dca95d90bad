// Which key a server must have, said by a person, and what is known of it: by files, and because it was reached.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { DyncError } from "../../src/base/error.ts";
import { publicCertificateText, secretCertificateText } from "../../src/keys/certificate.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { serverKeyOf } from "../../src/keys/known-servers.ts";
import { knownServer, serversWithFiles } from "../../src/keys/list-servers.ts";
import { lastReached, ServerMemory } from "../../src/keys/reached-servers.ts";
import {
  type GivenKey,
  type NewTrust,
  readFingerprint,
  readGivenKey,
  trustKey,
} from "../../src/keys/trust.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const date = new Date("2026-11-27T07:00:00.000Z");
const [first, second] = [generateKeyPair().publicKey, generateKeyPair().publicKey];
const lab = { host: "lab.example", port: 8889, serverKeyFile: null };

const keyOf = (publicKey = first): GivenKey => ({ type: "key", publicKey });

function trust(home: string, change: Partial<NewTrust> = {}) {
  const about = { home, server: lab, given: keyOf(), fingerprint: null, otherFiles: [], date };
  return trustKey({ ...about, isForAllPorts: true, replace: false, ...change });
}

async function faultOf(promise: Promise<unknown>): Promise<DyncError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DyncError) return error;
  throw new Error(`No DyncError: ${error}`);
}

describe("readGivenKey()", () => {
  test("reads a key, a fingerprint, and a file with a key", async () => {
    await using folder = await tempFolder();
    writeFileSync(folder.file("server.key"), publicCertificateText(first, { date }));
    const inFile = await readGivenKey(folder.file("server.key"));
    expect(inFile.type === "key" && inFile.publicKey.text).toBe(first.text);
    const typed = await readGivenKey(second.text);
    expect(typed.type === "key" && typed.publicKey.text).toBe(second.text);
    const { fingerprint } = first;
    expect(await readGivenKey(fingerprint)).toEqual({ type: "fingerprint", fingerprint });
    // As some programs write base64.
    expect(readFingerprint(`${fingerprint}=`)).toBe(fingerprint);
  });

  test("a secret key is not taken, and what is nothing of that is said", async () => {
    await using folder = await tempFolder();
    const keys = generateKeyPair();
    writeFileSync(folder.file("s.key_secret"), secretCertificateText(keys, { date }), { mode: 0o600 });
    const secret = await faultOf(readGivenKey(folder.file("s.key_secret")));
    expect(secret.message).toContain("holds a secret key");
    expect(secret.message).not.toContain(keys.secretKey.revealText());
    for (const text of ["gone.key", "SHA256:short", "sha256:abc"])
      expect((await faultOf(readGivenKey(text))).code).toBe("usage");
  });
});

describe("trustKey()", () => {
  test("writes a file that counts for this server, and says when it was known already", async () => {
    await using home = await tempFolder();
    writeFileSync(home.file("server.key"), publicCertificateText(second, { date }));
    const trusted = await trust(home.path);
    expect(trusted).toEqual({
      file: home.file("servers", "lab.example.key"),
      publicKey: first,
      isKnown: false,
      keptFile: null,
    });
    expect((await serverKeyOf(home.path, lab)).text).toBe(first.text);
    expect(await trust(home.path)).toMatchObject({ isKnown: true });
  });

  test("goes to the file of the port where there is one, or the port is not the usual one", async () => {
    await using home = await tempFolder();
    const other = { ...lab, port: 9000 };
    await trust(home.path);
    // A second server on that host has a key of its own.
    const differs = await faultOf(
      trust(home.path, { server: other, given: keyOf(second), isForAllPorts: false }),
    );
    expect(differs.code).toBe("wrong-server");
    await trust(home.path, { server: other, given: keyOf(second), isForAllPorts: false, replace: true });
    expect(readdirSync(home.file("servers")).sort()).toEqual(["lab.example.key", "lab.example_9000.key"]);
    expect((await serverKeyOf(home.path, other)).text).toBe(second.text);
    expect((await serverKeyOf(home.path, lab)).text).toBe(first.text);
    writeFileSync(home.file("servers", "lab.example_8889.key"), publicCertificateText(first, { date }));
    await trust(home.path, { given: keyOf(second), replace: true });
    expect((await serverKeyOf(home.path, lab)).text).toBe(second.text);
  });

  test("another key than the known one is refused with both fingerprints, and nothing is changed", async () => {
    await using home = await tempFolder();
    const { file } = await trust(home.path);
    const before = readFileSync(file, "utf8");
    for (const given of [keyOf(second), { type: "fingerprint", fingerprint: second.fingerprint } as const]) {
      const { code, message } = await faultOf(trust(home.path, { given }));
      expect(code).toBe("wrong-server");
      expect(message).toContain(`it is known by ${first.fingerprint}`);
      expect(message).toEndWith(`what was given is ${second.fingerprint}`);
    }
    expect(readFileSync(file, "utf8")).toBe(before);
    const { keptFile } = await trust(home.path, { given: keyOf(second), replace: true });
    expect(keptFile).toBe(`${file}.20261127T070000Z`);
    expect(readFileSync(keptFile as string, "utf8")).toBe(before);
  });

  test("and so is another one than that with which it was reached", async () => {
    await using home = await tempFolder();
    writeFileSync(home.file("server.key"), publicCertificateText(first, { date }));
    (await ServerMemory.open(home.path, lab)).note(first, date);
    const { code, message } = await faultOf(trust(home.path, { given: keyOf(second) }));
    expect(code).toBe("wrong-server");
    expect(message).toContain(`it was reached on 2026-11-27 with ${first.fingerprint}`);
    expect(await trust(home.path)).toMatchObject({ isKnown: false });
  });

  test("a fingerprint means a key that is here; without one it says that it has to come by another way", async () => {
    await using home = await tempFolder();
    const given = { type: "fingerprint", fingerprint: first.fingerprint } as const;
    const { code, hint } = await faultOf(trust(home.path, { given }));
    expect(code).toBe("configuration");
    expect(hint).toContain("a server does not show its key");
    writeFileSync(home.file("elsewhere.key"), publicCertificateText(first, { date }));
    const { publicKey } = await trust(home.path, { given, otherFiles: [home.file("elsewhere.key")] });
    expect(publicKey.text).toBe(first.text);
  });

  test("a key of another fingerprint, and the user's own key, are refused", async () => {
    await using home = await tempFolder();
    const { fingerprint } = second;
    expect((await faultOf(trust(home.path, { fingerprint }))).code).toBe("wrong-server");
    writeFileSync(home.file("client.key"), publicCertificateText(first, { date }));
    expect((await faultOf(trust(home.path))).message).toContain("your own key");
    expect(existsSync(home.file("servers"))).toBe(false);
  });

  test("the file that is named for a server gets the key, and a broken one is replaced", async () => {
    await using home = await tempFolder();
    const server = { ...lab, serverKeyFile: home.file("lab.key") };
    writeFileSync(server.serverKeyFile, "nonsense");
    expect(await trust(home.path, { server })).toMatchObject({ file: server.serverKeyFile, isKnown: false });
    expect((await serverKeyOf(home.path, server)).text).toBe(first.text);
  });
});

describe("what is known of a server", () => {
  test("that it was reached is written once a day, or with another key, and is read again", async () => {
    await using home = await tempFolder();
    expect(await lastReached(home.path, lab)).toBeNull();
    const note = async (key: typeof first, at: string) =>
      (await ServerMemory.open(home.path, lab)).note(key, new Date(at));
    await note(first, "2026-11-27T07:00:00.000Z");
    await note(first, "2026-11-27T08:00:00.000Z");
    expect(await lastReached(home.path, lab)).toMatchObject({ at: "2026-11-27T07:00:00.000Z" });
    await note(second, "2026-11-27T09:00:00.000Z");
    expect((await lastReached(home.path, lab))?.fingerprint).toBe(second.fingerprint);
    await note(second, "2026-11-28T00:00:01.000Z");
    expect(await lastReached(home.path, lab)).toMatchObject({ at: "2026-11-28T00:00:01.000Z" });
    expect(readdirSync(home.file("servers"))).toEqual(["lab.example_8889.reached"]);
  });

  test("a note that is damaged, or cannot be written, is as if there was none", async () => {
    await using home = await tempFolder();
    await mkdir(home.file("servers"));
    writeFileSync(home.file("servers", "lab.example_8889.reached"), '{"schema":1,"key":"x"}');
    expect(await lastReached(home.path, lab)).toBeNull();
    writeFileSync(home.file("no-folder"), "");
    const memory = await ServerMemory.open(home.file("no-folder"), lab);
    memory.note(first, date);
    expect(await lastReached(home.file("no-folder"), lab)).toBeNull();
  });

  test("keys that do not count and differ are listed beside the one that does", async () => {
    await using home = await tempFolder();
    await trust(home.path);
    writeFileSync(home.file("lab.key"), publicCertificateText(second, { date }));
    const server = { ...lab, serverKeyFile: home.file("lab.key") };
    const known = await knownServer(home.path, server);
    expect(known.key?.publicKey?.text).toBe(second.text);
    expect(known.others.map(({ publicKey }) => publicKey?.text)).toEqual([first.text]);
    const gone = await knownServer(home.path, { ...lab, serverKeyFile: home.file("gone.key") });
    expect(gone.key?.fault?.message).toBe(`There is no key file ${home.file("gone.key")}`);
  });

  test("hosts and ports are read from the names of files, addresses of IPv6 from what is in them", async () => {
    await using home: TempFolder = await tempFolder();
    const server = { host: "fe80::1:2", port: 9000, serverKeyFile: null };
    await trust(home.path, { server, isForAllPorts: false });
    await trust(home.path, { server: { ...server, host: "::1", port: 8889 } });
    writeFileSync(home.file("servers", "lab_7.key"), "nonsense");
    (await ServerMemory.open(home.path, lab)).note(first, date);
    expect(await serversWithFiles(home.path)).toEqual([
      { host: "::1", port: null },
      { host: "fe80::1:2", port: 9000 },
      { host: "lab.example", port: 8889 },
      { host: "lab", port: 7 },
    ]);
  });
});

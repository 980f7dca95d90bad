// Key pairs and known servers on disk: made once and privately, refused when others can read them.

import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DyncError } from "../../src/base/error.ts";
import { fileNameFault } from "../../src/base/file-name.ts";
import { publicCertificateText } from "../../src/keys/certificate.ts";
import { handOverStem } from "../../src/keys/hand-over-name.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { createKeyFiles, dyncHome, loadKeyPair } from "../../src/keys/key-files.ts";
import { serverKeyFiles, serverKeyOf } from "../../src/keys/known-servers.ts";
import { strangersInSddl } from "../../src/keys/windows-acl.ts";
import { tempFolder } from "../support/temp-folder.ts";

const date = new Date("2026-01-02T03:04:05Z");
const isWindows = process.platform === "win32";
const isRoot = process.getuid?.() === 0;
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("the folder is DYNC_HOME, or .dync in the home", () => {
  expect(dyncHome({ DYNC_HOME: "/keys" })).toBe("/keys");
  expect(dyncHome({ DYNC_HOME: "" })).toBe(join(homedir(), ".dync"));
  expect(dyncHome({})).toBe(join(homedir(), ".dync"));
});

describe("making keys", () => {
  test("makes a pair that loads again, in a folder and a file for the owner alone", async () => {
    await using temp = await tempFolder();
    const folder = temp.file("a", "b");
    const made = await createKeyFiles({ folder, name: "client", userId: "anna", date });
    expect(made.publicFile).toBe(join(folder, "client.key"));
    expect(readdirSync(folder).sort()).toEqual(["client.key", "client.key_secret"]);
    expect(readFileSync(made.publicFile, "utf8")).toContain('user_id = "anna"');
    if (!isWindows) {
      expect([modeOf(folder), modeOf(made.secretFile)]).toEqual(["700", "600"]);
    }
    const loaded = await loadKeyPair(folder, "client");
    expect(loaded.publicKey.text).toBe(made.keys.publicKey.text);
    expect(loaded.secretKey.reveal()).toEqual(made.keys.secretKey.reveal());
  });

  test.each(["client.key", "client.key_secret"])("never touches a %s that is there", async (name) => {
    await using folder = await tempFolder();
    writeFileSync(folder.file(name), "precious");
    const error = await failureOf(createKeyFiles({ folder: folder.path, name: "client", date }));
    expect(error.message).toBe(`There are keys already: ${folder.file(name)}`);
    expect(error.hint).toContain("--force");
    expect(readdirSync(folder.path)).toEqual([name]);
    expect(readFileSync(folder.file(name), "utf8")).toBe("precious");
  });

  test.skipIf(isWindows)("does not write through a link that points to nowhere", async () => {
    await using folder = await tempFolder();
    symlinkSync(folder.file("elsewhere"), folder.file("client.key_secret"));
    const error = await failureOf(createKeyFiles({ folder: folder.path, name: "client", date }));
    expect(error.message).toStartWith("There are keys already");
    expect(readdirSync(folder.path)).toEqual(["client.key_secret"]);
  });

  test("replaces them whole when it is forced to, and keeps the old ones beside them for the owner alone", async () => {
    await using folder = await tempFolder();
    const options = { folder: folder.path, name: "client", handOver: "anna@pc7.key", date };
    const first = await createKeyFiles(options);
    const old = readFileSync(first.secretFile, "utf8");
    expect(readFileSync(first.handOverFile, "utf8")).toBe(readFileSync(first.publicFile, "utf8"));
    chmodSync(first.secretFile, 0o644);
    const second = await createKeyFiles({ ...options, force: true });
    expect(second.keys.publicKey.text).not.toBe(first.keys.publicKey.text);
    expect((await loadKeyPair(folder.path, "client")).publicKey.text).toBe(second.keys.publicKey.text);
    expect(readFileSync(second.handOverFile, "utf8")).toContain(second.keys.publicKey.text);
    // Again at the same second: nothing that was kept is replaced.
    await createKeyFiles({ ...options, force: true });
    expect(readdirSync(folder.path).sort()).toEqual([
      "anna@pc7.key",
      "client.key",
      "client.key.20260102T030405Z",
      "client.key.20260102T030405Z-2",
      "client.key_secret",
      "client.key_secret.20260102T030405Z",
      "client.key_secret.20260102T030405Z-2",
    ]);
    expect(second.keptFiles).toEqual([
      folder.file("client.key_secret.20260102T030405Z"),
      folder.file("client.key.20260102T030405Z"),
    ]);
    expect(readFileSync(second.keptFiles[0] as string, "utf8")).toBe(old);
    if (!isWindows) expect(second.keptFiles.map(modeOf)).toEqual(["600", "600"]);
  });

  test("never touches a file to be handed over that is there, and keeps one of other keys", async () => {
    await using folder = await tempFolder();
    const options = { folder: folder.path, name: "client", handOver: "anna@pc7.key", date };
    writeFileSync(folder.file("anna@pc7.key"), "precious");
    expect((await failureOf(createKeyFiles(options))).message).toStartWith("There are keys already");
    expect(readdirSync(folder.path)).toEqual(["anna@pc7.key"]);
    await createKeyFiles({ ...options, force: true });
    expect(readFileSync(folder.file("anna@pc7.key.20260102T030405Z"), "utf8")).toBe("precious");
  });

  test.each([
    ["meyer", "pc7", "meyer@pc7"],
    ["LAB\\A. Meyer", "PC 7", "LAB-A.-Meyer@PC-7"],
    ["technician+x", "../../etc", "technician-x@etc"],
    ["J\u00f6rg", "\u202e\u0000", "J\u00f6rg@host"],
    ["", "", "user@host"],
    ["x".repeat(300), "y".repeat(300), `${"x".repeat(50)}@${"y".repeat(50)}`],
  ])(
    "names the file to be handed over of %p at %p so that it can be a file everywhere",
    (user, host, stem) => {
      expect(handOverStem(user, host)).toBe(stem);
      expect(fileNameFault(`${stem}.key`)).toBeNull();
    },
  );

  test("of many at once exactly one makes them, and they belong together", async () => {
    await using folder = await tempFolder();
    const made = await Promise.allSettled(
      Array.from({ length: 8 }, () => createKeyFiles({ folder: folder.path, name: "client", date })),
    );
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await loadKeyPair(folder.path, "client");
    expect(readdirSync(folder.path).sort()).toEqual(["client.key", "client.key_secret"]);
  });

  test("refuses names and users that cannot be files", async () => {
    await using folder = await tempFolder();
    const badName = createKeyFiles({ folder: folder.path, name: "../client", date });
    expect((await failureOf(badName)).message).toBe("The name of the key starts with a dot");
    const badUser = createKeyFiles({ folder: folder.path, name: "client", userId: "a/b", date });
    expect((await failureOf(badUser)).message).toBe('The user id contains "/"');
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe("loading keys", () => {
  test("says how to make them when there are none", async () => {
    await using folder = await tempFolder();
    const error = await failureOf(loadKeyPair(folder.file("none"), "server"));
    expect(error.message).toBe(`There is no secret key ${folder.file("none", "server.key_secret")}`);
    expect(error.hint).toBe('make one with "dync-server keygen"');
  });

  test.skipIf(isWindows).each([0o640, 0o604, 0o620, 0o660, 0o601])(
    "refuses a secret key of mode %p, with the command that mends it",
    async (mode) => {
      await using folder = await tempFolder();
      const { secretFile } = await createKeyFiles({ folder: folder.path, name: "client", date });
      chmodSync(secretFile, mode);
      const error = await failureOf(loadKeyPair(folder.path, "client"));
      expect(error.message).toContain("can be read by others");
      execFileSync("/bin/sh", ["-c", error.hint as string]);
      await loadKeyPair(folder.path, "client");
    },
  );

  test.skipIf(!isRoot)(
    "refuses a secret key that belongs to somebody else (skipped without root)",
    async () => {
      await using folder = await tempFolder();
      const { secretFile } = await createKeyFiles({ folder: folder.path, name: "client", date });
      chownSync(secretFile, 12345, 12345);
      expect((await failureOf(loadKeyPair(folder.path, "client"))).message).toContain(
        "belongs to another user",
      );
    },
  );

  test("refuses halves that do not belong together", async () => {
    await using folder = await tempFolder();
    const { secretFile, publicFile, keys } = await createKeyFiles({
      folder: folder.path,
      name: "client",
      date,
    });
    const other = generateKeyPair().publicKey;
    writeFileSync(publicFile, publicCertificateText(other, { date }));
    expect((await failureOf(loadKeyPair(folder.path, "client"))).message).toEndWith("do not belong together");
    const mixed = readFileSync(secretFile, "utf8").replace(keys.publicKey.text, () => other.text);
    writeFileSync(secretFile, mixed);
    const error = await failureOf(loadKeyPair(folder.path, "client"));
    expect(error.message).toStartWith("The public and the secret key in");
    expect(error.message).not.toContain(keys.secretKey.revealText());
  });

  test("refuses a public file where the secret one should be, and a folder", async () => {
    await using folder = await tempFolder();
    const text = publicCertificateText(generateKeyPair().publicKey, { date });
    writeFileSync(folder.file("client.key_secret"), text, { mode: 0o600 });
    expect((await failureOf(loadKeyPair(folder.path, "client"))).message).toEndWith("holds no secret key");
    mkdirSync(folder.file("server.key_secret"));
    expect((await failureOf(loadKeyPair(folder.path, "server"))).message).toEndWith("is not a file");
  });

  test.skipIf(isWindows)("does not wait for a named pipe", async () => {
    await using folder = await tempFolder();
    execFileSync("mkfifo", ["-m", "600", folder.file("client.key_secret")]);
    expect((await failureOf(loadKeyPair(folder.path, "client"))).message).toEndWith("is not a file");
  });
});

describe("the key of a server", () => {
  test("is looked for under host and port, then host, then for all", async () => {
    await using folder = await tempFolder();
    const host = "Server.Example.ORG";
    const serverKeyFile = null;
    const error = await failureOf(serverKeyOf(folder.path, { host, port: 8889, serverKeyFile }));
    const files = [
      folder.file("servers", "server.example.org_8889.key"),
      folder.file("servers", "server.example.org.key"),
      folder.file("server.key"),
    ];
    expect(error.message).toBe(`No key of the server ${host} is known, looked for ${files.join(", ")}`);
    mkdirSync(folder.file("servers"));
    const keys: string[] = [];
    for (const file of files.toReversed()) {
      const { publicKey } = generateKeyPair();
      writeFileSync(file, publicCertificateText(publicKey, { date }));
      keys.unshift(publicKey.text);
      const found = await serverKeyOf(folder.path, { host, port: 8889, serverKeyFile });
      expect(found.text).toBe(publicKey.text);
    }
    const onPort1 = await serverKeyOf(folder.path, { host, port: 1, serverKeyFile });
    const other = await serverKeyOf(folder.path, { host: "other", port: 1, serverKeyFile });
    expect([onPort1.text, other.text]).toEqual(keys.slice(1));
  });

  test("is in the file that the user named, wherever others lie", async () => {
    await using folder = await tempFolder();
    const choice = { host: "host", port: 1, serverKeyFile: folder.file("named.key") };
    writeFileSync(folder.file("server.key"), publicCertificateText(generateKeyPair().publicKey, { date }));
    const error = await failureOf(serverKeyOf(folder.path, choice));
    expect(error.message).toBe(`There is no key file ${choice.serverKeyFile}`);
    const { publicKey } = generateKeyPair();
    writeFileSync(choice.serverKeyFile, publicCertificateText(publicKey, { date }));
    expect((await serverKeyOf(folder.path, choice)).text).toBe(publicKey.text);
  });

  test("a file that is no certificate is an error, not passed over", async () => {
    await using folder = await tempFolder();
    mkdirSync(folder.file("servers"));
    writeFileSync(folder.file("servers", "host.key"), "nonsense !");
    writeFileSync(folder.file("server.key"), publicCertificateText(generateKeyPair().publicKey, { date }));
    const error = await failureOf(
      serverKeyOf(folder.path, { host: "host", port: 8889, serverKeyFile: null }),
    );
    expect(error.message).toContain("host.key, line 1");
  });

  test.each([
    ["::1", "__1"],
    ["[fe80::1%eth0]", "fe80__1%eth0"],
    ["127.0.0.1", "127.0.0.1"],
    ["caf\u00e9.example", "caf\u00e9.example"],
  ])("%s has a file that every system can hold", (host, name) => {
    expect(serverKeyFiles("/h", host, 1)[1]).toBe(join("/h", "servers", `${name}.key`));
  });

  test.each(["../../etc/passwd", "a/b", "a\\b", "..", ""])(
    "the host %p does not lead out of the folder",
    (host) => {
      expect(serverKeyFiles("/h", host, 1)).toEqual([join("/h", "server.key")]);
    },
  );
});

test("Windows' access control lists are read: who but the owner, the system and administrators", () => {
  const user = "S-1-5-21-1-2-3-1001";
  expect(strangersInSddl(`C:\\k\r\nD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;${user})`, user)).toEqual([]);
  expect(strangersInSddl(`D:AI(A;ID;FA;;;${user})(A;ID;0x1200a9;;;BU)(A;OICIIO;FA;;;AU)`, user)).toEqual([
    "BU",
  ]);
  expect(strangersInSddl(`D:(D;;FA;;;WD)(A;;FR;;;WD)(A;;FA;;;S-1-5-21-1-2-3-1002)`, user)).toEqual([
    "WD",
    "S-1-5-21-1-2-3-1002",
  ]);
  expect(strangersInSddl("nothing", user)).toBeNull();
  // No list is no protection.
  expect(strangersInSddl("C:\\k\r\nD:NO_ACCESS_CONTROL", user)).toEqual(["S-1-1-0"]);
  // Well-known accounts appear under two letters.
  expect(strangersInSddl("D:PAI(A;;FA;;;LA)", "S-1-5-21-1-2-3-500")).toEqual([]);
  expect(strangersInSddl("D:PAI(A;;FA;;;NS)(A;;FA;;;LS)", "S-1-5-20")).toEqual(["LS"]);
});

async function failureOf(promise: Promise<unknown>): Promise<DyncError> {
  const error = await promise.then(
    () => new Error("expected an error"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DyncError && error.code === "configuration") return error;
  throw error;
}

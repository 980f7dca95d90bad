// A watched folder as a service of a user, in a Debian of its own with systemd as its first process: it is installed without rights,
// sends, is killed and begins again, and goes without a trace. And systemd itself says what it reads of words in a unit.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { systemdUnit } from "../../src/service/systemd-unit.ts";
import { DebianTree, debianTreeMissing } from "../support/debian-tree.ts";
import { executables, executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import type { ProgramEnd } from "../support/programs.ts";
import { liveThrough } from "../support/service-steps.ts";

const missing = executablesMissing ?? debianTreeMissing;
const folder = "/home/mess/data of 100 %h $HOME";
const units = "/home/mess/.config/systemd/user";

describe.skipIf(missing !== null)(`services in a Debian tree (${missing ?? "debootstrap"})`, () => {
  let tree: DebianTree;
  let lab: Lab;

  beforeAll(async () => {
    tree = await DebianTree.boot();
    lab = await openLab({ start: { under: tree.network } });
    copyFileSync((await executables()).dync, tree.file("/usr/local/bin/dync"));
    await tree.output("useradd", "--create-home", "--shell", "/bin/bash", "mess");
    cpSync(lab.homes.client, tree.file("/home/mess/.dync"), { recursive: true });
    mkdirSync(tree.file(folder));
    await tree.output("chown", "-R", "mess:mess", "/home/mess");
  }, 1_200_000);
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await tree?.[Symbol.asyncDispose]();
  });

  const asUser = (...command: readonly string[]): readonly string[] => [
    ...[
      "runuser",
      "-u",
      "mess",
      "--",
      "env",
      "HOME=/home/mess",
      "PATH=/usr/local/bin:/usr/bin:/bin",
      ...command,
    ],
  ];
  const dync = (...args: readonly string[]): Promise<ProgramEnd> => tree.run(asUser("dync", ...args));

  test("without a manager of that user's services a line says how to get one, and nothing is written", async () => {
    const end = await dync("service", "install", `127.0.0.1:${lab.port}`, folder);
    expect(end).toMatchObject({ code: 1, stdout: "" });
    expect(end.stderr).toMatch(
      /^dync: error: systemd runs no services for this user here: .*\ndync: hint: log in as mess itself/,
    );
    expect(await tree.run(["ls", units])).not.toMatchObject({ code: 0 });
  });

  test("a service lives through all that befalls it, and goes without a trace", async () => {
    await tree.output("loginctl", "enable-linger", "mess");
    await tree.output("systemctl", "start", "user@1000.service");
    await liveThrough({
      dync,
      name: "runs",
      lab,
      folder,
      home: tree.file("/home/mess/.dync"),
      units: tree.file(units),
      put: async (name) => writeFileSync(join(tree.file(folder), name), name),
      kill: async (pid) => void (await tree.output("sh", "-c", `kill -KILL ${pid}`)),
    });
    expect(await lab.metadata("two.raw")).toEqual({ sample: '100 % of "$HOME" \\ ü\n;' });
  }, 300_000);

  test("status says when nobody lingers, and install says what to do", async () => {
    await tree.output("rm", "/var/lib/systemd/linger/mess");
    const end = await dync("service", "install", `127.0.0.1:${lab.port}`, folder);
    expect(end.stderr).toContain('"loginctl enable-linger" lets it run from boot on');
    expect((await dync("service", "status")).stderr).toContain("It runs while you are logged in");
    expect(await dync("service", "uninstall")).toMatchObject({ code: 0 });
  });

  test("systemd reads the words of a unit as they were given", async () => {
    const odd = fc.constantFrom(
      " ",
      '"',
      "'",
      "\\",
      "%",
      "%h",
      "$",
      "$$",
      "$HOME",
      ";",
      "\n",
      "\t",
      "ü",
      "日",
      "a",
      "#",
    );
    const word = fc.array(odd, { maxLength: 8 }).map((parts) => parts.join(""));
    const samples = fc.sample(fc.array(word, { maxLength: 6 }), 40);
    await tree.output(
      "sh",
      "-c",
      'printf \'#!/bin/sh\\nfor it; do printf "%%s\\\\0" "$it"; done\\n\' > /usr/local/bin/words',
    );
    await tree.output("chmod", "+x", "/usr/local/bin/words");
    for (const [at, words] of samples.entries()) {
      const text = systemdUnit({ description: "words", command: ["/usr/local/bin/words", ...words] })
        .replace("Type=exec", "Type=oneshot\nRemainAfterExit=yes")
        .replace("Restart=always", `StandardOutput=truncate:/root/words-${at}`);
      writeFileSync(tree.file(`/etc/systemd/system/words-${at}.service`), text);
    }
    await tree.output("systemctl", "daemon-reload");
    await tree.output("systemctl", "start", ...samples.map((_, at) => `words-${at}.service`));
    for (const [at, words] of samples.entries()) {
      const read = await Bun.file(tree.file(`/root/words-${at}`)).text();
      expect(read.split("\0").slice(0, -1)).toEqual(words);
    }
  });
});

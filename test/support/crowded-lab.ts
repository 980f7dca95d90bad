// A lab whose server has something of every kind to show, under names as long and as odd as it takes them: for whoever draws them.

import { expect } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { jsonLines, type Program } from "./programs.ts";

/** Markup that would run, and a character that would turn the direction of what comes behind it. */
export const hostile = '<img src=x onerror="document.title=1">\u202egnp.exe';
/** Without a place to break. */
export const longName = "w".repeat(100);
export const longUser = `nmr-${"u".repeat(50)}`;
const settings = (failing: string) => `
[[limits]]
name = "all"
users = ["*"]
quota = "1GiB"
group-quota = "100GiB"
contact = "data-${longName}@example.org"

[[rules]]
name = "held-${longName.slice(0, 70)}"
files = ["*.held"]
schema = "run.json"
on-refusal = "hold"

[[rules]]
name = "no-${longName.slice(0, 70)}"
files = ["*.none"]
schema = "run.json"

[[rules]]
name = "all"

[[hooks]]
name = "h-${longName.slice(0, 60)}"
event = "after"
users = ["${longUser}"]
command = ["${failing}"]

[[alarms]]
name = "space"
when = "disk-full"
free = "8000TiB"
`;

interface Found {
  readonly id: string;
  readonly name: string;
}

export interface Crowd extends AsyncDisposable {
  readonly stored: Found;
  readonly held: Found;
  /** On its way. */
  readonly running: Found;
}

/** Has all that happen; what is on its way ends with what is returned. */
export async function crowd(lab: Lab): Promise<Crowd> {
  const { server } = lab.homes;
  await writeFile(join(server, "run.json"), JSON.stringify({ required: ["run"] }));
  const failing = lab.folder.file("failing-hook");
  await writeFile(failing, `#!/bin/sh\necho '${longName} is not there' >&2\nexit 3\n`, { mode: 0o755 });
  expect(await lab.configure(settings(failing))).toMatchObject({ code: 0 });
  const to = `127.0.0.1:${lab.port}`;
  const env = { DYNC_HOME: await lab.user(longUser) };
  await moreKeys(lab);
  const metadata = ["-k", `note:${hostile}`, "-k", `${longName}:${longName}${longName}`];
  const sending = async (name: string, code: number) => {
    const path = await lab.file(name, 1000);
    expect(await lab.dync(["send", "-q", ...metadata, to, path], { env })).toMatchObject({ code });
  };
  await sending(longName, 0);
  // Written from right to left.
  await sending("\u05d0\u05d1\u05d2 \u05d3\u05d4 (2).held", 6);
  await sending(`${longName}.none`, 6);
  await stranger(lab);
  await watches(lab, env);
  const running = lab.startDync(
    ["send", "-q", "--limit", "1MB/s", ...metadata, to, await lab.file(`${longName}.big`, 60_000_000)],
    { env },
  );
  await lab.server.line(/"message":\s*"Upload started".*\.big"/);
  return await found(lab, running);
}

async function found(lab: Lab, running: Program): Promise<Crowd> {
  const one = async (state: string, name: string) => {
    const { stdout } = await lab.dyncServer(["uploads", "list", "--json", "--state", state, "--name", name]);
    const [upload] = jsonLines(stdout).filter(({ type }) => type === "stored-upload");
    return { id: String(upload?.id), name: String(upload?.name) };
  };
  return {
    stored: await one("stored", longName),
    held: await one("held", "*.held"),
    running: await one("receiving", "*.big"),
    async [Symbol.asyncDispose]() {
      await running.kill();
    },
  };
}

/** More keys of the user: one that is good for some days, and one for long. */
async function moreKeys(lab: Lab): Promise<void> {
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  for (const days of [5, 300]) {
    const home = lab.folder.file(`other-key-${days}`);
    await mkdir(home);
    expect(await lab.dync(["keygen"], { env: { DYNC_HOME: home } })).toMatchObject({ code: 0 });
    const added = await lab.dyncServer([
      ...["clients", "add", join(home, "client.key"), "--user", longUser, "--expires", day(days)],
    ]);
    expect(added).toMatchObject({ code: 0 });
  }
}

/** A key that asks to be let in. */
async function stranger(lab: Lab): Promise<void> {
  const home = lab.folder.file("stranger");
  await mkdir(home);
  const env = { DYNC_HOME: home };
  expect(await lab.dync(["keygen"], { env })).toMatchObject({ code: 0 });
  const key = join(lab.homes.server, "server.key");
  expect(await lab.dync(["trust", `127.0.0.1:${lab.port}`, key], { env })).toMatchObject({ code: 0 });
  const path = await lab.file("refused.raw", 10);
  expect((await lab.send(["-q", "--retry-for", "0", path], { env })).code).not.toBe(0);
}

/** Folders that are watched: of a hostile label, and of a long one. */
async function watches(lab: Lab, env: Readonly<Record<string, string>>): Promise<void> {
  const folder = lab.folder.file("files", "crowded");
  await mkdir(folder);
  await writeFile(join(folder, `${longName}.txt`), "x");
  for (const label of [hostile, longName.slice(0, 64)]) {
    const watch = ["watch", "--once", "-q", "--settle", "1s", "--label", label, "--no-notices"];
    expect(await lab.dync([...watch, `127.0.0.1:${lab.port}`, folder], { env })).toMatchObject({ code: 0 });
  }
}

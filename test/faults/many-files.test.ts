// A batch of 100,000 small files: what either side has in memory follows from what is under way, not from how many files there are.
// The client alone may keep the listing. What stays is seen when garbage has just been collected; of that there may be the more,
// the larger the rest is, and the busier the machine.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { type Program, runProgram, startProgram } from "../support/programs.ts";
import { note } from "./note.ts";

const MB = 1_000_000;
const few = 10_000;
const many = 100_000;
const fileBytes = 1024;
const listingBytesMax = 300;
// What two measurements of one and the same thing differ by: of what stays, and of what there is with the garbage.
const unevenBytes = 40 * MB;
const garbageBytes = 128 * MB;
const deadlineMs = 20 * 60_000;

/** Bytes that were resident. */
interface Memory {
  /** The most, VmHWM. */
  readonly most: number;
  /** The least in the second half: what stays when garbage has just been collected. */
  readonly least: number;
}

interface Sent {
  readonly client: Memory;
  readonly server: Memory;
  readonly seconds: number;
}

const missing = executablesMissing ?? (process.platform === "linux" ? null : "needs Linux");

test.skipIf(missing !== null)(
  `a batch of ${many} files takes the memory of one of ${few}, and at most ${listingBytesMax} bytes for each more (${missing ?? "compiled"})`,
  async () => {
    await using lab = await openLab({ inMemory: true });
    const first = await sendNew(lab, "few", few);
    const second = await sendNew(lab, "many", many);
    const more = (side: "client" | "server", which: keyof Memory) => second[side][which] - first[side][which];
    note(`${few} files of ${fileBytes} bytes, then ${many}`, {
      "client MB": `${shown(first.client)} and ${shown(second.client)}`,
      "server MB": `${shown(first.server)} and ${shown(second.server)}`,
      "files a second": Math.round(many / second.seconds),
    });
    await expectAllStored(lab, few + many);
    const listing = (many - few) * listingBytesMax;
    expect(more("client", "least")).toBeLessThan(listing);
    expect(more("client", "most")).toBeLessThan(listing + garbageBytes);
    expect(more("server", "least")).toBeLessThan(unevenBytes);
    expect(more("server", "most")).toBeLessThan(garbageBytes);
  },
  2 * deadlineMs,
);

function shown({ most, least }: Memory): string {
  return `${Math.round(most / MB)} (at least ${Math.round(least / MB)})`;
}

/** Makes so many files in folders, sends them, and returns what either side had in memory. */
async function sendNew(lab: Lab, name: string, count: number): Promise<Sent> {
  for (let at = 0; at < count; at++) {
    const folder = lab.folder.file("files", name, `folder-${Math.floor(at / 1000)}`);
    if (at % 1000 === 0) await mkdir(folder, { recursive: true });
    await writeFile(`${folder}/${name}-${at}.raw`, crypto.getRandomValues(new Uint8Array(fileBytes)));
  }
  const startedAt = systemClock.now();
  // Of what it says of each more than a test keeps.
  const to = ["-k", "sample:S-17", "-r", "--jobs", "16", "--json", `127.0.0.1:${lab.port}`];
  const script = 'exec "$@" > "$0"';
  const output = lab.folder.file(`${name}.out`);
  const send = ["sh", "-c", script, output, lab.programs.dync, "send", ...to, lab.folder.file("files", name)];
  await using program = startProgram(send, { env: { DYNC_HOME: lab.homes.client } });
  const [client, server] = (await watched([program, lab.server])) as [Memory, Memory];
  const seconds = (systemClock.now() - startedAt) / 1000;
  expect(await program.ended(deadlineMs)).toMatchObject({ code: 0, stderr: "" });
  const summary = JSON.parse(readFileSync(output, "utf8").trimEnd().split("\n").at(-1) as string);
  expect(summary).toMatchObject({ files: count, stored: count, failures: [] });
  return { client, server, seconds };
}

/** What the programs have had resident until the first of them ends. */
async function watched(programs: readonly Program[]): Promise<readonly Memory[]> {
  const samples: (readonly Memory[])[] = [];
  while (programs[0]?.running === true) {
    const sample = await Promise.all(programs.map(({ pid }) => memoryOf(pid)));
    if (sample.every(({ most }) => most > 0)) samples.push(sample);
    await sleep(systemClock, 50);
  }
  const late = samples.slice(samples.length / 2);
  return programs.map((_, at) => ({
    most: Math.max(...samples.map((sample) => sample[at]?.most ?? 0)),
    least: Math.min(...late.map((sample) => sample[at]?.least ?? 0)),
  }));
}

async function memoryOf(pid: number): Promise<Memory> {
  const status = await Bun.file(`/proc/${pid}/status`)
    .text()
    .catch(() => "");
  const bytesOf = (name: string): number => {
    const [, kB = 0] = new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status) ?? [];
    return Number(kB) * 1024;
  };
  return { most: bytesOf("VmHWM"), least: bytesOf("VmRSS") };
}

/** So many files are stored, each with the bytes that it has here and a checksum that is right. */
async function expectAllStored(lab: Lab, count: number): Promise<void> {
  const [here, there] = [lab.folder.file("here.sums"), lab.folder.file("there.sums")];
  const script = `set -e
    (cd "$1"; find . -name '*.raw' -exec sha256sum {} + | sed 's#  .*/#  #' | sort > "$3")
    (cd "$2"; find . -name '*.sha256' -exec cat {} + | sort > "$4"; sha256sum --quiet --strict -c "$4")
    cmp "$3" "$4"; wc -l < "$3"; find "$2" -name '*.meta.json' | wc -l`;
  const places = [lab.folder.file("files"), lab.stored(""), here, there];
  const checked = await runProgram(["bash", "-o", "pipefail", "-c", script, "-", ...places], {}, deadlineMs);
  expect(checked).toMatchObject({ code: 0, stdout: `${count}\n${count}\n`, stderr: "" });
}

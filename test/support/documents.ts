// Random JSON documents that go through the programs as metadata; made, and checked, by `documents.py`.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { runProgram } from "./programs.ts";

const script = ["/usr/bin/python3", "-B", join(import.meta.dir, "documents.py")];
const deadlineMs = 600_000;
// Processes of `dync` side by side.
const sendersMax = 4;

/** Runs `documents.py` and returns the line that it prints. Throws when it ends with anything but 0. */
export async function documents(...args: readonly string[]): Promise<string> {
  const end = await runProgram([...script, ...args], {}, deadlineMs);
  if (end.code !== 0)
    throw new Error(`documents.py ${args.join(" ")} ended with ${end.code}:\n${end.stderr}`);
  return end.stdout.trim();
}

/** Makes `count` documents in a folder of the lab's. */
export async function makeDocuments(lab: Lab, seed: number, count: number): Promise<string> {
  const folder = lab.folder.file(`documents-${seed}-${count}`);
  await mkdir(folder);
  await documents("make", String(seed), String(count), folder);
  return folder;
}

/** Sends each of the first `count` documents with `dync -m`, an empty file `PREFIX-N` for each. */
export async function sendDocuments(lab: Lab, folder: string, prefix: string, count: number): Promise<void> {
  const file = await lab.file("empty", "");
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const args = ["-q", "-m", join(folder, `${number}.json`), "-n", `${prefix}-${number}`];
      const end = await lab.dync([...args, `127.0.0.1:${lab.port}`, file]);
      if (end.code !== 0) throw new Error(`Document ${number}: dync ended with ${end.code}: ${end.stderr}`);
    }
  };
  await Promise.all(Array.from({ length: sendersMax }, send));
}

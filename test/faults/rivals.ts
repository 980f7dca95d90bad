// Several clients that want one name at once, of one user or of two, with the same content or another: one upload has it, who sends the same as that one
// hears that it is stored, and the others hear whose it is.

import { expect } from "bun:test";
import { copyFile } from "node:fs/promises";
import { jsonLines } from "../support/programs.ts";
import type { Run } from "./run.ts";
import { sha256Of } from "./sent-to-store.ts";

const MiB = 1024 * 1024;

/** What is said to who does not get the name, by `upload/names.ts`, `server/claim.ts` and doc/protocol.md (5). */
const replaced = /^Replaced by a newer upload of the same name$/;
const refusals = (name: string): readonly RegExp[] => [
  replaced,
  new RegExp(`^There is a file "${name}(\\.meta\\.json|\\.sha256)?" on the server already`),
  new RegExp(`^Another user began an upload that gets the place of "${name}", which is not finished$`),
];

/** Where rules put what several want, whoever sends it. */
export const sharedFolder = "lab/shared";
export const rulesOfShared = [
  '[[rules]]\nname = "shared"\nfiles = ["wanted-*"]\npath = "shared/{name}"\n',
  '[[rules]]\nname = "own"\n',
].join("\n");

interface Rival {
  readonly user: string;
  readonly sha256: string;
}

interface Ended extends Rival {
  /** Of the upload that it was told is stored; `null`: it was refused. */
  readonly uploadId: string | null;
  readonly message: string;
}

/** What came of all. */
export interface Contest {
  /** By the name: SHA-256, user and id of the upload that has it. */
  readonly winners: Map<
    string,
    { readonly sha256: string; readonly user: string; readonly uploadId: string }
  >;
  refused: number;
  same: number;
  replaced: number;
}

/** Has three clients send `name` at once, by `homes` of users. */
export async function contend(
  run: Run,
  contest: Contest,
  name: string,
  homes: ReadonlyMap<string, string>,
): Promise<void> {
  const { pair, random } = run;
  const contents = await Promise.all(
    [0, 1].map((at) => pair.file(`${name}-${at}`, Math.floor(random() * 12 * MiB))),
  );
  const users = random() < 0.5 ? ["alice"] : [...homes.keys()];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const ended = await Promise.all(
    [0, 1, 2].map(async (number): Promise<Ended> => {
      const [user, content] = [pick(users), pick(contents)];
      // Each is a file of its own: two of one path would be one upload.
      const path = pair.folder.file(`${name}-of-${number}`);
      await copyFile(content, path);
      const home = homes.get(user) as string;
      const args = ["--json", "-n", name, path];
      const { code, stdout, stderr } = await run.send({ lane: run.rivalLane, args, home });
      expect([code, stderr]).toEqual([code === 7 ? 7 : 0, stderr]);
      const sha256 = sha256Of(await Bun.file(path).bytes());
      await pair.forget(path);
      const [summary] = jsonLines<{ uploadId?: string }>(stdout).slice(-1);
      const errors = jsonLines<{ message?: string }>(stderr).map(({ message }) => message ?? "");
      return {
        user,
        sha256,
        uploadId: code === 0 ? (summary?.uploadId ?? "") : null,
        message: errors.at(-1) ?? "",
      };
    }),
  );
  expectOneWinner(contest, name, ended);
  for (const path of contents) await pair.forget(path);
}

function expectOneWinner(contest: Contest, name: string, ended: readonly Ended[]): void {
  const winners = ended.filter(({ uploadId }) => uploadId !== null);
  const [winner] = winners;
  if (winner === undefined) throw new Error(`Nobody has ${name}: ${JSON.stringify(ended)}`);
  const { user, sha256, uploadId } = winner;
  for (const it of winners)
    expect([name, it.user, it.sha256, it.uploadId]).toEqual([name, user, sha256, uploadId]);
  const isOfOneUser = ended.every((it) => it.user === user);
  for (const { message, ...it } of ended.filter(({ uploadId: id }) => id === null)) {
    const isSaid = refusals(name).some((refusal) => refusal.test(message));
    expect([name, message, isSaid]).toEqual([name, message, true]);
    // What is stored is refused to nobody who sent the same, but to who was away when a newer upload came.
    const isSame = isOfOneUser && it.sha256 === sha256 && !replaced.test(message);
    expect([name, message, isSame]).toEqual([name, message, false]);
    contest.refused++;
    if (replaced.test(message)) contest.replaced++;
  }
  contest.same += winners.length - 1;
  contest.winners.set(name, { sha256, user, uploadId: uploadId as string });
}

/** Of each name what has it is there, and nothing of who has not. */
export async function expectWinnersThere({ pair }: Run, { winners }: Contest): Promise<void> {
  const keys: string[] = [];
  for (const [name, { sha256, user, uploadId }] of winners) {
    const key = `${sharedFolder}/${name}`;
    expect([key, sha256Of((await pair.bucket.bytes(key)) ?? "")]).toEqual([key, sha256]);
    const described = JSON.parse((await pair.bucket.text(`${key}.meta.json`)) ?? "null");
    expect([key, described]).toMatchObject([key, { sample: "S-17", _dync: { upload: uploadId, user } }]);
    expect(await pair.bucket.text(`${key}.sha256`)).toBe(`${sha256}  ${name}\n`);
    keys.push(key, `${key}.meta.json`, `${key}.sha256`);
  }
  expect(await pair.bucket.keys(`${sharedFolder}/`)).toEqual(keys.sort());
}

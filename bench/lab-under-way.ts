// A server that several users send to at once, as benchmarks look at it while that goes on.

import { readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import {
  type Executables,
  type KeyFolders,
  makeUser,
  type RunningServer,
} from "../test/support/executables.ts";

/** Makes `count` users, and returns their homes when `server` lets them in. */
export async function makeUsers(
  programs: Executables,
  folder: string,
  homes: KeyFolders,
  server: RunningServer,
  count: number,
): Promise<readonly string[]> {
  const users: string[] = [];
  for (let user = 0; user < count; user++) {
    users.push(await makeUser(programs, folder, homes, `user${user}`));
    await server.program.line(new RegExp(`"Key authorised","user":"user${user}"`));
  }
  return users;
}

/** Makes a file of `bytes` bytes of which nothing lies anywhere: reading it costs no disk. */
export async function makeSparse(path: string, bytes: number): Promise<void> {
  const sparse = await open(path, "w");
  await sparse.truncate(bytes);
  await sparse.close();
}

/** Bytes that the server with the data folder `data` stored of each upload that is under way. */
export function partialSizes(data: string): ReadonlyMap<string, number> {
  const folder = join(data, ".dync", "partial");
  return new Map(
    readdirSync(folder).flatMap((name) => {
      const found = statSync(join(folder, name), { throwIfNoEntry: false });
      return found === undefined ? [] : [[name, found.size]];
    }),
  );
}

// Folders for tests, removed with everything in them when the test is over: `await using folder = await tempFolder()`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
  /** A path inside the folder. */
  file(...names: string[]): string;
}

/** Makes an empty folder below `parent`, by default the system's folder for temporary files. */
export async function tempFolder(parent: string = tmpdir()): Promise<TempFolder> {
  const path = await mkdtemp(join(parent, "dync-test-"));
  return {
    path,
    file: (...names) => join(path, ...names),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

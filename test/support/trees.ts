// Folders with files for tests: written down as an object, and made on the disk.

import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { foldPath, pathFault } from "../../src/tar/member-path.ts";

/** Contents of files and folders, by name. */
export interface Tree {
  readonly [name: string]: string | Uint8Array | Tree;
}

/** Makes `tree` in `folder`; times are in the past, and different. */
export function plant(folder: string, tree: Tree, from = 1_700_000_000): void {
  mkdirSync(folder, { recursive: true });
  let seconds = from;
  for (const [name, content] of Object.entries(tree)) {
    const path = join(folder, name);
    seconds += 0.000_25;
    if (typeof content === "string" || content instanceof Uint8Array) {
      writeFileSync(path, content);
      utimesSync(path, seconds, seconds);
    } else plant(path, content, seconds + 7);
  }
  utimesSync(folder, seconds + 1, seconds + 1);
}

const letters = [..."abzAZ09-_.,;=+~#!$&'()[]{}@^ äßñ漢字😀é\u0301"];
const name = fc
  .oneof(
    { weight: 8, arbitrary: fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...letters), { minLength: 40, maxLength: 60 }) },
  )
  .map((characters) => characters.join("").normalize("NFC"))
  .filter((text) => pathFault(text) === null);
const content = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 500, maxLength: 1600 }) },
);

/** Any tree that can be a dataset. */
export const anyTree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; entry: Tree | Uint8Array }>((tie) => ({
  tree: fc
    .uniqueArray(fc.tuple(name, tie("entry")), { maxLength: 6, selector: ([it]) => foldPath(it) })
    .map((entries) => Object.fromEntries(entries)),
  entry: fc.oneof({ depthSize: "small", withCrossShrink: true }, content, tie("tree")),
})).tree;

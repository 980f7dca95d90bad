// Anything that may happen to a folder while it is read: what was read is what lies there in the end, or it is an error. Never
// a mixture that never existed.

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { DyncError } from "../../../src/base/error.ts";
import { openDataset } from "../../../src/client/dataset/dataset-source.ts";
import { readTar } from "../../support/tars.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { plant } from "../../support/trees.ts";

const names = ["a.raw", "b.raw", "sub/c.raw", "sub/d.raw", "sub/e.raw"];
const sizes = [3000, 60_000, 0, 500, 150_000];

/** Does something to the file at `path`; `n` makes each time another. */
type Change = (path: string, n: number) => void;

/** Keeps size and times, as far as anybody can. */
function inSecret(path: string, change: () => void): void {
  spawnSync("touch", ["-r", path, `${path}.times`]);
  change();
  spawnSync("touch", ["-r", `${path}.times`, path]);
  rmSync(`${path}.times`, { force: true });
}

const changes: Readonly<Record<string, Change>> = {
  grow: (path, n) => appendFileSync(path, `${n}`),
  cut: (path) => truncateSync(path, 1),
  write: (path, n) => writeFileSync(path, contentOf(readFileSync(path).length, n)),
  "write in secret": (path, n) =>
    inSecret(path, () => writeFileSync(path, contentOf(readFileSync(path).length, n))),
  touch: (path, n) => utimesSync(path, n, n),
  mode: (path, n) => chmodSync(path, n % 2 === 0 ? 0o600 : 0o644),
  remove: (path) => rmSync(path),
  move: (path, n) => renameSync(path, `${path}.new${n}`),
  "move there and back": (path) => {
    renameSync(path, `${path}.new`);
    renameSync(`${path}.new`, path);
  },
  replace: (path, n) => {
    inSecret(path, () => {
      writeFileSync(`${path}.new`, contentOf(readFileSync(path).length, n));
      renameSync(`${path}.new`, path);
    });
  },
  link: (path, n) => linkSync(path, `${path}.0new${n}`),
  "put a link in its place": (path, n) => {
    renameSync(path, `${path}.new${n}`);
    symlinkSync(`${path}.new${n}`, path);
  },
  "come beside it": (path, n) => writeFileSync(`${path}.new${n}`, "x"),
  "become a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
};

function contentOf(length: number, n: number): Uint8Array {
  return new Uint8Array(length).fill(n % 251);
}

const step = fc.record({
  change: fc.constantFrom(...Object.keys(changes)),
  name: fc.constantFrom(...names),
  /** Where in the stream, from 0 to 1; 1 is behind its end. */
  when: fc.double({ min: 0, max: 1, noNaN: true }),
});

test.skipIf(process.platform === "win32")(
  "what was read lies there, or it is an error (not on Windows)",
  async () => {
    const seen = { error: 0, same: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1000, max: 70_000 }),
        fc.boolean(),
        async (steps, piece, isSlow) => {
          await using folder = await tempFolder();
          const [a, b, c, d, e] = sizes.map((size, at) => contentOf(size, at + 1));
          plant(folder.file("run"), {
            "a.raw": a!,
            "b.raw": b!,
            sub: { "c.raw": c!, "d.raw": d!, "e.raw": e! },
          });
          const bytes = await readMeanwhile(folder.file("run"), steps, piece, isSlow);
          seen[bytes === null ? "error" : "same"] += 1;
          if (bytes === null) return;
          const { members } = readTar([bytes]);
          const files = members.filter(({ member }) => member.type === "file");
          expect(files.map(({ member }) => member.path)).toEqual(names);
          for (const { member, content } of files)
            expect(Buffer.compare(content, readFileSync(join(folder.file("run"), member.path)))).toBe(0);
        },
      ),
      { numRuns: 400, seed: 7 },
    );
    // Both have to be seen, or it says nothing.
    expect(seen.error).toBeGreaterThan(50);
    expect(seen.same).toBeGreaterThan(20);
  },
);

/** The whole stream, or `null` where it was found out that something changed. */
async function readMeanwhile(
  path: string,
  steps: readonly { readonly change: string; readonly name: string; readonly when: number }[],
  piece: number,
  isSlow: boolean,
): Promise<Uint8Array | null> {
  let time = 0;
  const clock: Clock = isSlow ? { ...systemClock, now: () => (time += 20) } : systemClock;
  const selection = { include: [], exclude: [], links: "skip", all: false } as const;
  const parts = { clock, writeAll: async () => false, onNote: () => {}, onWarning: () => {} };
  const { signal } = new AbortController();
  const source = await openDataset({ kind: "dataset", path, selection }, null, parts, signal);
  const left = steps.toSorted((one, other) => one.when - other.when);
  const doWhatIsDue = (offset: number): void => {
    for (let next = left[0]; next !== undefined && next.when * source.size <= offset; next = left[0]) {
      left.shift();
      try {
        changes[next.change]?.(join(path, next.name), left.length + offset);
      } catch {
        // An earlier one took the file away.
      }
    }
  };
  const read: Uint8Array[] = [];
  const hash = createHash("sha256");
  try {
    for (let offset = 0; ; ) {
      doWhatIsDue(offset);
      const into = new Uint8Array(piece);
      const count = await source.read(offset, into);
      if (count === 0) break;
      read.push(into.subarray(0, count));
      hash.update(into.subarray(0, count));
      offset += count;
    }
    await source.verifyUnchanged(hash.digest());
    return Buffer.concat(read);
  } catch (error) {
    if (error instanceof DyncError && error.code === "source-changed") return null;
    throw error;
  } finally {
    await source.close();
  }
}

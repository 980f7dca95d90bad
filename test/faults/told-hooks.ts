// A hook that notes what it is told, and by which process, and whether each upload was told as the documentation says: at least once, again only
// where a server or the database was disturbed meanwhile, and by one server.

import { expect } from "bun:test";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { systemClock } from "../../src/base/clock.ts";
import type { TempFolder } from "../support/temp-folder.ts";
import type { Course } from "./sent-again.ts";

/** Events by which it may get lost that something was told, or who tells. */
const disturbing = /server|database/;
/** As long as a hook, and the word that it was told, may take on a busy machine. */
const midstMs = 10_000;

/** What was told. */
interface Telling {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly server: string;
  readonly key: string;
  readonly upload: string;
  readonly sha256: string;
}

export class ToldHook {
  readonly #lines: string;
  /** Lines of every server's `server.toml`. */
  readonly settings: string;

  private constructor(program: string, lines: string) {
    this.#lines = lines;
    // One at a time: who ends leaves one at most in the midst.
    const of = ['name = "told"', 'event = "after"', "at-once = 1"];
    this.settings = ["[[hooks]]", ...of, `command = [${JSON.stringify(program)}]`, ""].join("\n");
  }

  /** Makes it in `folder`. */
  static async make(folder: TempFolder): Promise<ToldHook> {
    const [program, lines] = [folder.file("told"), folder.file("told.lines")];
    await writeFile(lines, "");
    // One write of a line: two that come at once do not mix.
    const note = `printf '%s %s %s\\n' "$(date +%s%3N)" "$PPID" "$told" >> '${lines}'`;
    await writeFile(program, `#!/bin/sh\ntold=$(cat)\n${note}\n`);
    await chmod(program, 0o755);
    return new ToldHook(program, lines);
  }

  async #tellings(): Promise<readonly Telling[]> {
    const lines = (await readFile(this.#lines, "utf8")).split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const [, at = "", server = "", text = ""] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
      const { idempotencyKey: key, upload } = JSON.parse(text);
      return { at: Number(at), server, key, upload: upload.id, sha256: upload.sha256 };
    });
  }

  /** Each of `uploads` (id, and its SHA-256) was told, and nothing else. Resolves with how many were told again. */
  async expectTold(
    uploads: ReadonlyMap<string, string>,
    servers: ReadonlySet<string>,
    course: Course,
  ): Promise<number> {
    const tellings = await this.#tellings();
    for (const { server, upload, sha256 } of tellings) {
      expect([upload, sha256]).toEqual([upload, uploads.get(upload) as string]);
      expect(servers).toContain(server);
    }
    const told = Map.groupBy(tellings, ({ upload }) => upload);
    expect([...told.keys()].sort()).toEqual([...uploads.keys()].sort());
    for (const [upload, all] of told) {
      expect([upload, new Set(all.map(({ key }) => key)).size]).toEqual([upload, 1]);
      expectReasons(upload, all, course);
    }
    const again = tellings.length - told.size;
    // An answer is lost, or a server goes on that does not know yet that another one tells: one telling for each.
    const all = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    expect(again).toBeLessThanOrEqual(course.faultsIn(all, disturbing));
    return again;
  }
}

/** Each telling of `upload` behind the first one has something before it by which the one before may have got lost. */
function expectReasons(upload: string, tellings: readonly Telling[], course: Course): void {
  const toMonotonic = systemClock.date().getTime() - systemClock.now();
  for (const [number, { at }] of tellings.slice(1).entries()) {
    const { at: before } = tellings[number] as Telling;
    const time = { from: before - toMonotonic - midstMs, to: at - toMonotonic };
    const facts = { upload, after: at - before };
    const hasReason = course.faultsIn(time, disturbing) > 0;
    expect({ ...facts, hasReason }).toEqual({ ...facts, hasReason: true });
  }
}

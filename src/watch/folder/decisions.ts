// What a person decided of entries of a watched folder, beside what was sent of it: that one is sent although its instrument says that
// the run failed, or left alone for good. A command writes it, also while a watcher runs, which reads it with each look.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Decided, Decision } from "../decision.ts";
import { openWatchDatabase } from "./watch-database.ts";

const schema = `
CREATE TABLE IF NOT EXISTS decisions (
  path TEXT PRIMARY KEY, decision TEXT NOT NULL, decidedBy TEXT NOT NULL, at TEXT NOT NULL
) STRICT, WITHOUT ROWID`;

export class Decisions implements Disposable {
  readonly #database: DatabaseSync;
  readonly #all: StatementSync;
  readonly #note: StatementSync;
  readonly #forget: StatementSync;
  #known: ReadonlyMap<string, Decided> = new Map();

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#all = database.prepare("SELECT path, decision, decidedBy, at FROM decisions");
    this.#note = database.prepare("INSERT OR REPLACE INTO decisions VALUES (:path, :decision, :by, :at)");
    this.#forget = database.prepare("DELETE FROM decisions WHERE path = ?");
  }

  /** As `SentMemory.open`. */
  static open(folder: string): Decisions {
    return new Decisions(openWatchDatabase(folder, schema));
  }

  /** Reads what was decided by now. Throws what the database says. */
  refresh(): void {
    const rows = this.#all.all() as unknown as readonly {
      readonly path: string;
      readonly decision: Decision;
      readonly decidedBy: string;
      readonly at: string;
    }[];
    this.#known = new Map(rows.map(({ path, decision, decidedBy: by, at }) => [path, { decision, by, at }]));
  }

  /** What was decided of an entry, as of the last `refresh`; `null`: nothing. */
  of(path: string): Decided | null {
    return this.#known.get(path) ?? null;
  }

  /** Notes it, durably; `null`: nobody decided. Throws what the database says. */
  decide(path: string, decided: Decided | null): void {
    if (decided === null) this.#forget.run(path);
    else this.#note.run({ path, ...decided });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

// What is remembered of the folders that are sent along with a watched one, for each of them and server. It is on disk before anything
// else follows from it.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type AlsoRecord, nothingKnown } from "../also.ts";
import { openWatchDatabase } from "./watch-database.ts";

const schema = `
CREATE TABLE IF NOT EXISTS also (
  server TEXT NOT NULL, path TEXT NOT NULL, checkedAt TEXT, fingerprint TEXT,
  sentName TEXT, sentContent TEXT, sentUpload TEXT, sentAt TEXT, begunName TEXT, begunContent TEXT,
  PRIMARY KEY (server, path)
) STRICT, WITHOUT ROWID`;

type Row = Readonly<Record<string, string | null>>;

export class AlsoMemory implements Disposable {
  readonly #database: DatabaseSync;
  readonly #server: string;
  readonly #find: StatementSync;
  readonly #note: StatementSync;

  private constructor(database: DatabaseSync, server: string) {
    this.#database = database;
    this.#server = server;
    this.#find = database.prepare("SELECT * FROM also WHERE server = ? AND path = ?");
    this.#note = database.prepare(
      "INSERT OR REPLACE INTO also VALUES (:server, :path, :checkedAt, :fingerprint, :sentName, :sentContent, :sentUpload, :sentAt, :begunName, :begunContent)",
    );
  }

  /** As `SentMemory.open`. */
  static open(folder: string, server: string): AlsoMemory {
    return new AlsoMemory(openWatchDatabase(folder, schema), server);
  }

  find(path: string): AlsoRecord {
    const row = this.#find.get(this.#server, path) as Row | undefined;
    if (row === undefined) return nothingKnown;
    const { checkedAt = null, fingerprint = null, sentName, sentContent, sentUpload, sentAt } = row;
    const { begunName, begunContent } = row;
    const sent =
      sentName && sentContent && sentAt
        ? { name: sentName, content: sentContent, upload: sentUpload ?? "", at: sentAt }
        : null;
    const begun = begunName && begunContent ? { name: begunName, content: begunContent } : null;
    return { checkedAt, fingerprint, sent, begun };
  }

  /** Notes it, durably. Throws what the database says. */
  note(path: string, { checkedAt, fingerprint, sent, begun }: AlsoRecord): void {
    this.#note.run({
      server: this.#server,
      ...{ path, checkedAt, fingerprint },
      sentName: sent?.name ?? null,
      sentContent: sent?.content ?? null,
      sentUpload: sent?.upload ?? null,
      sentAt: sent?.at ?? null,
      begunName: begun?.name ?? null,
      begunContent: begun?.content ?? null,
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

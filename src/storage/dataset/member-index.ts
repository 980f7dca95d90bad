// Which members a dataset has: which paths are taken, in every spelling that counts as the same, and what each file is. In a
// database of its own beside the files, of which little is in memory however many there are. It says nothing that does
// not follow from the journal, and is made anew from that.

import { rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { messageOf } from "../../base/error.ts";
import { foldPath } from "../../tar/member-path.ts";

// KiB of memory; what does not fit goes to the file, and is in the system's memory.
const cacheKiB = 512;
// SQLite's name for a file that goes when it is closed, or its process dies.
const temporary = "";
const pageRows = 500;
// So few that forgetting them takes no time.
const withinRows = 50;

export interface IndexedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: Uint8Array;
  /** What a store calls its content, where it lies in one. */
  readonly etag: string | null;
}

export interface IndexedFolder {
  readonly path: string;
  /** RFC 3339, UTC. */
  readonly modified: string;
}

/** What has a path. */
export interface Holder {
  /** As it is spelled. */
  readonly path: string;
  /** Which file of the stream it is, from 0; `null` for a folder. */
  readonly number: number | null;
}

export class MemberIndex {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof statementsOf>;

  /** Makes an empty one at `file`, and what is there goes; `null`: where nobody else finds it. Throws SQLite's error. */
  constructor(file: string | null) {
    if (file !== null) rmSync(file, { force: true });
    // Nothing of it has to survive: whoever comes after a crash makes it anew. Without that word SQLite keeps its journal.
    this.#database = new DatabaseSync(file ?? temporary, { defensive: false });
    asSystemsError(() =>
      this.#database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA cache_size = -${cacheKiB};
      CREATE TABLE names (folded TEXT PRIMARY KEY, path TEXT NOT NULL, number INTEGER) STRICT, WITHOUT ROWID;
      CREATE TABLE members (path TEXT PRIMARY KEY, size INTEGER, sha256 BLOB, etag TEXT, modified TEXT) STRICT, WITHOUT ROWID;
      BEGIN;`),
    );
    this.#statements = statementsOf(this.#database);
  }

  /** Gives `path` to file `number`, or to a folder (`null`), where nothing has it. Else returns what has it. */
  claim(path: string, number: number | null): Holder | null {
    const folded = foldPath(path);
    return asSystemsError(() => {
      if (Number(this.#statements.claim.run(folded, path, number).changes) === 1) return null;
      return this.#statements.holder.get(folded) as unknown as Holder;
    });
  }

  /** What has `path`, in this or another spelling. */
  holder(path: string): Holder | null {
    const folded = foldPath(path);
    return asSystemsError(() => (this.#statements.holder.get(folded) as Holder | undefined) ?? null);
  }

  /** File `number` takes the place of the one before at `path`. */
  replace(path: string, number: number): void {
    asSystemsError(() => this.#statements.replace.run(number, foldPath(path)));
  }

  /** Some of what is at `path` and below it, what is in a folder before that; none when all of it was forgotten. */
  within(path: string): readonly Holder[] {
    const folder = `${foldPath(path)}/`;
    // The character behind "/".
    const behind = `${folder.slice(0, -1)}0`;
    return asSystemsError(() => {
      const below = this.#statements.below.all(folder, behind, withinRows) as unknown as readonly Holder[];
      if (below.length > 0) return below;
      const own = this.holder(path);
      return own === null ? [] : [own];
    });
  }

  /** Nothing has `path` any more. */
  forget(path: string): void {
    asSystemsError(() => {
      this.#statements.forgetName.run(foldPath(path));
      this.#statements.forgetMember.run(path);
    });
  }

  /** How many folders there are. */
  folderCount(): number {
    return Number(
      this.#database.prepare("SELECT count(*) AS count FROM names WHERE number IS NULL").get()?.count,
    );
  }

  /** Paths of all folders, one that is in another behind that; behind `after`, some at a time. For after a crash. */
  folderPaths(after: string): readonly string[] {
    const rows = this.#database
      .prepare("SELECT path FROM members WHERE path > ? AND size IS NULL ORDER BY path LIMIT ?")
      .all(after, pageRows);
    return rows.map(({ path }) => String(path));
  }

  /** A file is whole. */
  putFile({ path, size, sha256, etag }: IndexedFile): void {
    asSystemsError(() => this.#statements.put.run(path, size, sha256, etag, null));
  }

  /** A store calls the content of the file at `path` so. */
  putEtag(path: string, etag: string): void {
    asSystemsError(() => this.#statements.putEtag.run(etag, path));
  }

  /** A folder has this time; `null`: nobody says. */
  putFolder(path: string, modified: string | null): void {
    asSystemsError(() => this.#statements.put.run(path, null, null, null, modified));
  }

  /** Path of the file with this number, where it is not replaced. For the few that a crash left aside. */
  pathOf(number: number): string | null {
    this.#database.exec("CREATE INDEX IF NOT EXISTS names_by_number ON names (number)");
    const row = this.#database.prepare("SELECT path FROM names WHERE number = ?").get(number);
    return row === undefined || row === null ? null : String(row.path);
  }

  /** Files, in the order of the bytes of their paths; behind `after`; some at a time. */
  files(after: string): readonly IndexedFile[] {
    const rows = asSystemsError(() => this.#statements.files.all(after, pageRows));
    return rows as unknown as readonly IndexedFile[];
  }

  /** Folders with a time, likewise. */
  folders(after: string): readonly IndexedFolder[] {
    const rows = asSystemsError(() => this.#statements.folders.all(after, pageRows));
    return rows as unknown as readonly IndexedFolder[];
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

// What does not fit into memory goes to the disk: one that is full or fails is told as for any other file there.
function asSystemsError<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    const text = messageOf(error);
    const code = /disk is full/.test(text) ? "ENOSPC" : /disk I\/O error/.test(text) ? "EIO" : null;
    throw code === null ? error : Object.assign(new Error(text, { cause: error }), { code });
  }
}

function statementsOf(database: DatabaseSync) {
  return {
    claim: database.prepare(
      "INSERT INTO names (folded, path, number) VALUES (?, ?, ?) ON CONFLICT (folded) DO NOTHING",
    ),
    holder: database.prepare("SELECT path, number FROM names WHERE folded = ?"),
    replace: database.prepare("UPDATE names SET number = ? WHERE folded = ?"),
    below: database.prepare(
      "SELECT path, number FROM names WHERE folded > ? AND folded < ? ORDER BY folded DESC LIMIT ?",
    ),
    forgetName: database.prepare("DELETE FROM names WHERE folded = ?"),
    forgetMember: database.prepare("DELETE FROM members WHERE path = ?"),
    put: database.prepare(
      "INSERT OR REPLACE INTO members (path, size, sha256, etag, modified) VALUES (?, ?, ?, ?, ?)",
    ),
    putEtag: database.prepare("UPDATE members SET etag = ? WHERE path = ?"),
    files: database.prepare(
      "SELECT path, size, sha256, etag FROM members WHERE path > ? AND size IS NOT NULL ORDER BY path LIMIT ?",
    ),
    folders: database.prepare(
      "SELECT path, modified FROM members WHERE path > ? AND size IS NULL AND modified IS NOT NULL ORDER BY path LIMIT ?",
    ),
  } satisfies Record<string, StatementSync>;
}

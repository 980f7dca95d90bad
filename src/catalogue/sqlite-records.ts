// What the SQLite catalogue asks of its records.
//
// SQLite plans a statement anew for each value of a parameter by which it may choose another plan: one in an ORDER BY's equalities, of a
// partial index's column, or a LIMIT. That takes a hundred times what the statement does. Of an expression, `+?`, it looks at no value; so what every upload
// asks is written with that.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { columnOf, ended, members, select, storedAt, unfinished } from "./record-columns.ts";

/** All of them that the catalogue itself needs. */
export function statementsOf(database: DatabaseSync) {
  const columns = members.map((member) => columnOf[member]).join(", ");
  return {
    insert: database.prepare(
      `INSERT INTO uploads (${columns}, metadata_bytes)
       VALUES (${members.map(() => "?").join(", ")}, ?) ON CONFLICT (id) DO NOTHING`,
    ),
    // Hex digits come before "g".
    withIdPrefix: database.prepare(`${select} WHERE id >= ? AND id < ? || 'g' ORDER BY id LIMIT ?`),
    insertMetadata: database.prepare(
      "INSERT INTO metadata (sequence, text, escapes) VALUES (?1, ?2, instr(?2, '\\') > 0)",
    ),
    usage: database.prepare(
      `SELECT count(*) AS uploads, ifnull(sum(metadata_bytes), 0) AS bytes
       FROM uploads INDEXED BY uploads_unfinished WHERE user = ? AND ${unfinished}`,
    ),
    update: database.prepare(
      `UPDATE uploads SET state = ?, size = ?, durable = ?, mark = ?, bytes = ?, sha256 = ?, content = ?, received_at = ?, stored_at = ?, resumes = ?, resumed_at = ?, error_code = ?, reason = ?,
         owner = ?, fence = ?, lease_until = ?, updated_at = ?, metadata_digest = ?
       WHERE id = ?`,
    ),
    get: database.prepare(`${select} WHERE id = ?`),
    find: database.prepare(
      `${select} WHERE identity = +? AND user = +? AND (origin IS NULL OR origin = +?)
       ORDER BY sequence DESC LIMIT 1`,
    ),
    withContent: database.prepare(
      `${select} WHERE user = ? AND content = ? AND state = 'finished'
       ORDER BY metadata_digest = ? DESC, sequence DESC LIMIT ?`,
    ),
    metadata: database.prepare(
      "SELECT text FROM metadata WHERE sequence = (SELECT sequence FROM uploads WHERE id = ?)",
    ),
    holders: database.prepare(
      `${select} WHERE sequence IN (SELECT sequence FROM names WHERE folder = ? AND name IN (?, ?, ?))`,
    ),
    claim: database.prepare("INSERT INTO names (folder, name, sequence) VALUES (?, ?, ?)"),
    withdraw: database.prepare(`DELETE FROM uploads WHERE id = ? AND fence = ? AND ${unfinished}`),
    now: database.prepare("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now"),
    unchanged: database.prepare(
      `${select} WHERE state = ? AND updated_at < ? AND (updated_at, id) > (?, ?)
       ORDER BY updated_at, id LIMIT ?`,
    ),
    empty: database.prepare(
      `${select} WHERE user = ? AND ${unfinished} AND state = 'open' AND durable = 0
         AND sequence > ifnull((SELECT sequence FROM uploads WHERE id = ?), 0)
       ORDER BY sequence LIMIT ?`,
    ),
    ...userStatementsOf(database),
    nextUser: database.prepare(`SELECT user FROM uploads WHERE user > ? AND ${ended} ORDER BY user LIMIT 1`),
    forget: database.prepare(
      `DELETE FROM uploads WHERE sequence IN
         (SELECT sequence FROM uploads WHERE ${ended} AND updated_at < ? LIMIT ?)`,
    ),
    trim: database.prepare(
      `DELETE FROM uploads WHERE sequence IN
         (SELECT sequence FROM uploads WHERE user = +? AND state = +? AND ${ended}
          ORDER BY updated_at DESC LIMIT +? OFFSET +?)`,
    ),
  } satisfies Record<string, StatementSync>;
}

/** What one user has. */
function userStatementsOf(database: DatabaseSync) {
  return {
    // Along the index, from its end: so many records are looked at as are answered with.
    endedOf: database.prepare(
      `${select} INDEXED BY uploads_ended WHERE user = ? AND state = ? AND ${ended}
         AND (updated_at, sequence) < (?, ifnull((SELECT sequence FROM uploads WHERE id = ?), 0))
       ORDER BY updated_at DESC, sequence DESC LIMIT ?`,
    ),
    heldElsewhere: database.prepare(
      `SELECT count(*) AS uploads FROM uploads INDEXED BY uploads_unfinished
        WHERE user = ?1 AND ${unfinished} AND owner <> ?2 AND id IS NOT ?3 AND lease_until > ?4`,
    ),
    // Of all that are unfinished the index alone is looked at, of which there are no more than a user may have.
    unfinishedOf: database.prepare(
      `${select} WHERE sequence IN
         (SELECT sequence FROM uploads INDEXED BY uploads_unfinished WHERE user = ?1 AND ${unfinished}
            AND (?2 IS NULL OR sequence < (SELECT sequence FROM uploads WHERE id = ?2))
          ORDER BY sequence DESC LIMIT ?3)
       ORDER BY sequence DESC`,
    ),
    storedSince: database.prepare(
      `SELECT count(*) AS uploads FROM
         (SELECT 1 FROM uploads INDEXED BY uploads_ended
          WHERE user = ?1 AND state = 'finished' AND ${ended} AND updated_at >= ?2 AND ${storedAt} >= ?2 LIMIT ?3)`,
    ),
  } satisfies Record<string, StatementSync>;
}

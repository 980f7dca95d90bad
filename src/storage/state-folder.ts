// Where a server keeps its own things inside a data folder. A leaf: commands name files there that need nothing of the storage.

import { join } from "node:path";

/** Partials, the catalogue, the lock, the audit log. */
export function stateFolder(dataFolder: string): string {
  return join(dataFolder, ".dync");
}

/**
 * The folder of the audit log: beside the data, of which one server at a time has the lock, so that nobody else ever writes there; it
 * goes where the data go, and keeps nothing that the catalogue has.
 */
export function auditFolder(dataFolder: string): string {
  return join(stateFolder(dataFolder), "audit");
}

// What a simulated instrument does to the files of a watched folder, one step at a time: in memory, or on disk.

import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Whether a step writes what the run is, a sign of its state, or what is nobody's data. */
export type Role = "data" | "sign" | "junk";

/** One step. Paths are from the watched folder on, with "/" between their parts. */
export type Operation = { readonly role: Role } & (
  | { readonly type: "folder"; readonly path: string }
  /** Written anew where it is there. */
  | { readonly type: "write"; readonly path: string; readonly bytes: Uint8Array }
  | { readonly type: "append"; readonly path: string; readonly bytes: Uint8Array }
  /** Made as large as it is going to be, or cut off: without content. */
  | { readonly type: "resize"; readonly path: string; readonly size: number }
  | { readonly type: "rename"; readonly path: string; readonly to: string }
  | { readonly type: "remove"; readonly path: string }
);

/** The files of a watched folder in memory, by path. */
export type Folder = Map<string, Uint8Array>;

export function applyInMemory(folder: Folder, operation: Operation): void {
  const { path } = operation;
  const before = folder.get(path) ?? new Uint8Array();
  switch (operation.type) {
    case "folder":
      return;
    case "write":
      folder.set(path, operation.bytes);
      return;
    case "append":
      folder.set(path, joined(before, operation.bytes));
      return;
    case "resize":
      folder.set(
        path,
        joined(
          before.subarray(0, operation.size),
          new Uint8Array(Math.max(0, operation.size - before.length)),
        ),
      );
      return;
    case "rename":
      folder.delete(path);
      folder.set(operation.to, before);
      return;
    case "remove":
      folder.delete(path);
  }
}

/** The same below `root`, an absolute path. */
export function applyOnDisk(root: string, operation: Operation): void {
  const at = join(root, operation.path);
  mkdirSync(operation.type === "folder" ? at : dirname(at), { recursive: true });
  switch (operation.type) {
    case "folder":
      return;
    case "write":
      return writeFileSync(at, operation.bytes);
    case "append":
      return appendFileSync(at, operation.bytes);
    case "resize":
      appendFileSync(at, "");
      return truncateSync(at, operation.size);
    case "rename":
      mkdirSync(dirname(join(root, operation.to)), { recursive: true });
      return renameSync(at, join(root, operation.to));
    case "remove":
      return rmSync(at);
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

// Unpacks a tar into memory as a server has to, in the plainest way: what one that works on a disk is compared with.

import { type FoundMember, TarFault } from "../../src/tar/member.ts";
import { foldPath, pathFault } from "../../src/tar/member-path.ts";
import { TarReader } from "../../src/tar/reader.ts";
import type { RefusedBy } from "./hostile-tars.ts";

/** Files with their content, folders with `null`, by path. */
export type UnpackedTree = ReadonlyMap<string, Uint8Array | null>;

export type Judgement =
  | { readonly tree: UnpackedTree }
  | { readonly refusedBy: RefusedBy; readonly says: string };

class Refusal extends Error {
  readonly by: RefusedBy;

  constructor(by: RefusedBy, message: string) {
    super(message);
    this.by = by;
  }
}

/** What comes of the tar that arrives in `pieces`. Throws only for what is a fault of ours. */
export function judgeTar(pieces: Iterable<Uint8Array>): Judgement {
  const tree = new Map<string, Uint8Array | null>();
  let content: Uint8Array[] = [];
  let path: string | null = null;
  const reader = new TarReader();
  try {
    for (const piece of pieces)
      reader.push(piece, {
        raw: () => {},
        member: (member) => {
          path = placeOf(member, tree);
          content = [];
        },
        content: (bytes) => content.push(bytes.slice()),
        end: () => {
          if (path !== null) tree.set(path, Buffer.concat(content));
        },
        removed: (gone) => {
          takeOut(gone, tree);
          return true;
        },
      });
    reader.finish();
    return { tree };
  } catch (error) {
    if (error instanceof TarFault) return { refusedBy: "reader", says: error.message };
    if (error instanceof Refusal) return { refusedBy: error.by, says: error.message };
    throw error;
  }
}

/** Takes out what is at `path`, and all that is below it. */
function takeOut(path: string, tree: Map<string, Uint8Array | null>): void {
  const fault = pathFault(path);
  if (fault !== null) throw new Refusal("path", `The path ${fault}`);
  if (!tree.has(path)) throw new Refusal("tree", `${path} is taken out again, which is not there`);
  for (const other of [...tree.keys()])
    if (other === path || other.startsWith(`${path}/`)) tree.delete(other);
}

/** Makes room for a member; returns the path of a file, for which content comes. */
function placeOf({ path, type }: FoundMember, tree: Map<string, Uint8Array | null>): string | null {
  if (type !== "file" && type !== "folder") throw new Refusal("type", `${path} is a ${type}`);
  if (path === "." && type === "folder") return null;
  const fault = pathFault(path);
  if (fault !== null) throw new Refusal("path", `The path ${fault}`);
  const parts = path.split("/");
  for (let depth = 1; depth <= parts.length; depth++) {
    const above = parts.slice(0, depth).join("/");
    const twin = [...tree.keys()].find((other) => other !== above && foldPath(other) === foldPath(above));
    if (twin !== undefined) throw new Refusal("tree", `${above} and ${twin} count as the same name`);
    const isFile = depth === parts.length && type === "file";
    const there = tree.get(above);
    if (there !== undefined && (there !== null) !== isFile)
      throw new Refusal("tree", `${above} was a ${there === null ? "folder" : "file"}`);
    if (!isFile) tree.set(above, null);
  }
  return type === "file" ? path : null;
}

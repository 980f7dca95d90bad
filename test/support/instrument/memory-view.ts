// A run in memory, as the rule of a profile looks at it.

import type { EntryView, SeenFile } from "../../../src/watch/completion.ts";

/** What lies at a path: its text, its bytes, or only how many there are. */
export type Content = string | Uint8Array | number;
export type Tree = Readonly<Record<string, Content>>;

export interface MemoryEntry {
  readonly name: string;
  readonly kind: "file" | "folder";
  /** By path within it; of a file by "". */
  readonly files: Tree;
  /** By name. */
  readonly beside?: Tree;
  /** When each was modified, by path; 0 where nothing is said. */
  readonly times?: ReadonlyMap<string, number>;
  /** Whether what lies at a path in it is none of it. */
  readonly isLeftOut?: (path: string) => boolean;
}

export function memoryView({ name, kind, files, beside = {}, isLeftOut, times }: MemoryEntry): EntryView {
  return {
    ...{ name, kind },
    files: (partsMax = Number.POSITIVE_INFINITY) =>
      Object.entries(files)
        .filter(([path]) => isLeftOut?.(path) !== true && path.split("/").length <= partsMax)
        .map(
          ([path, content]): SeenFile => ({
            path,
            size: sizeOf(content),
            mtimeMs: times?.get(path) ?? 0,
            id: path,
          }),
        )
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    siblings: () => Object.keys(beside).sort(),
    read: async (path, max) => {
      const content = path.startsWith("../") ? beside[path.slice(3)] : files[path];
      return content === undefined ? null : bytesOf(content, max);
    },
  };
}

function sizeOf(content: Content): number {
  return typeof content === "number" ? content : bytesOf(content, Number.POSITIVE_INFINITY).length;
}

function bytesOf(content: Content, max: number): Uint8Array {
  if (typeof content === "number") return new Uint8Array(Math.min(content, max));
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return bytes.subarray(0, max);
}

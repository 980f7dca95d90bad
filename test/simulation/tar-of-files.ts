// A tar as clients send one, of files alone.

import { encodeMember } from "../../src/tar/header.ts";
import { blockBytes, paddingOf } from "../../src/tar/member.ts";

/** A tar of files, by their paths, in their order. */
export function tarOfFiles(files: Iterable<readonly [path: string, content: Uint8Array]>): Buffer {
  const shared = { modified: "2020-01-02T03:04:05.5Z", executable: false };
  const parts = [...files].flatMap(([path, content]) => [
    encodeMember({ ...shared, path, type: "file", size: content.length }),
    content,
    Buffer.alloc(paddingOf(content.length)),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
}

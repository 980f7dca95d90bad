// Why a server lets an upload wait, in words for its user: short enough to stand beside a name on 80 columns.

import type { Wait, WaitCause } from "../../protocol/wait.ts";

const texts: Readonly<Record<WaitCause, string>> = {
  hook: "being checked on the server",
  name: "an upload of this name is just ending",
  hash: "the server checks what it has of it",
  memory: "the server is short of memory",
  own: "your other uploads go first",
  urgent: "a more urgent upload goes first",
  disk: "waiting for the server's disk",
  publishing: "the server makes it safe on its disk",
};

/** `the server is short of memory, 12 uploads before this one`. */
export function waitText({ cause, ahead }: Wait): string {
  if (ahead === undefined) return texts[cause];
  const place = ahead === 0 ? "this one is next" : `${ahead} ${ahead === 1 ? "upload" : "uploads"} before it`;
  return `${texts[cause]}, ${place}`;
}

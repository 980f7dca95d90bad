// A server's file as its tests read it, and what is wrong with one in one line each.

import { readServerFile } from "../../src/config/server-file.ts";
import type { checkFile } from "../../src/config/table.ts";

/** What `text` says, as a file in `/etc/dync`. */
export const read = (text: string) => readServerFile(text, "/etc/dync");

/** "LINE: MEMBER: TEXT [HINT]" for each fault. */
export function faultsIn(reading: ReturnType<typeof checkFile>): readonly string[] {
  if (reading.ok) return [];
  return reading.faults.map(
    ({ line, member: name, text, hint }) =>
      `${line}: ${name === "" ? "" : `${name}: `}${text}${hint === undefined ? "" : ` [${hint}]`}`,
  );
}

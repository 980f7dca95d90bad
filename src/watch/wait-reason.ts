// Why something in a watched folder is not sent yet: a closed list of names, which programs may rely on, each with its sentence for
// people. doc/watch.md has the same list.

/** What each reason means. */
export const waitReasons = {
  changing: "It changed since the folder was last looked at",
  settling: "It is quiet, and not yet for as long as --settle says",
  "no-sign": "The sign of the end that its profile knows is not there yet",
  incomplete: "The sign of the end is there, and something that it promises is not",
  empty: "There is nothing in it",
  "open-for-writing": "A program on this computer has it open for writing",
  "journal-beside": "The journal of a database that is still being written lies beside it",
  "hash-mismatch": "Its content is not what the instrument's own checksum says",
  "run-failed": "The instrument says that the run failed",
  "run-aborted": "The instrument says that the run was aborted",
  left: "A person decided that it is left alone",
  "taken-in-part": "It was sent, a part of it is taken away already, and the rest is to go",
  vanished: "It was there, and is not to be seen now",
  "not-reachable": "The watched folder cannot be reached, or is empty from one look to the next",
  unreadable: "This account cannot read it",
  unsendable: "Under its name, or in its form, it cannot be sent",
  "metadata-missing": "It has no metadata, or lacks fields that the server's rules want",
  "metadata-faulty": "Its metadata cannot be read",
  refused: "The server, or the copy of its rules that is here, refuses it",
  retrying: "Sending it failed, and is tried again",
  live: "It is sent while it is written, and not complete yet",
  queued: "It is complete, and its turn has not come",
} as const satisfies Readonly<Record<string, string>>;

export type WaitReason = keyof typeof waitReasons;

/** Why a run waits that ended otherwise than it should, by how it ended. */
export const reasonsOfEnds = {
  failed: "run-failed",
  aborted: "run-aborted",
} as const satisfies Readonly<Record<string, WaitReason>>;

export interface Waiting {
  readonly reason: WaitReason;
  /** What is to be said beside the sentence of the reason; may be empty. */
  readonly detail: string;
  /** Fields of its metadata, as people write them, that are missing or not as they have to be. */
  readonly fields?: readonly string[];
}

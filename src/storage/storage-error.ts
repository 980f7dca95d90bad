// What the operating system says, and what it means here: one table for every call on the data folder. Texts may go to
// a client, so they hold no path; the original error goes along as the cause, and with the hint, for the log.

import { DyncError, type ErrorCode, systemCode } from "../base/error.ts";

interface Trouble {
  /**
   * `not-ready` passes by itself; `no-space` keeps what arrived until there is room; `internal` needs the steward, and what
   * arrived is kept as well; `forbidden` is final for this name.
   */
  readonly code: Extract<ErrorCode, "not-ready" | "no-space" | "internal" | "forbidden">;
  /** What is wrong, as the rest of a sentence that says what could not be done. */
  readonly text: string;
  /** What the steward can do, for the log. */
  readonly hint?: string;
}

const access: Trouble = {
  code: "internal",
  text: "access is denied",
  hint: "give the user that dync-server runs as the right to write there",
};
const isWindows = process.platform === "win32";
// There a virus scanner or an indexer holds files for a moment, which looks like a lack of rights.
const held: Trouble = { code: "not-ready", text: "another program uses it" };
const silent: Trouble = { code: "not-ready", text: "the file system does not answer" };
const busy: Trouble = { code: "not-ready", text: "the server's system is short of resources" };

const troubles: Readonly<Record<string, Trouble>> = {
  // Passing.
  EMFILE: { code: "not-ready", text: "the server has too many files open" },
  ENFILE: { code: "not-ready", text: "the server has too many files open" },
  EAGAIN: busy,
  ENOMEM: busy,
  ENOBUFS: busy,
  EINTR: busy,
  EBUSY: held,
  ETXTBSY: held,
  ESTALE: silent,
  ETIMEDOUT: silent,
  ENOTCONN: silent,
  // What a client of Ceph says that the others gave up: it has to be mounted anew.
  ESHUTDOWN: silent,
  EHOSTDOWN: silent,
  EHOSTUNREACH: silent,
  // Room.
  ENOSPC: { code: "no-space", text: "no space is left on its disk" },
  EDQUOT: { code: "no-space", text: "its disk quota is used up" },
  EFBIG: {
    code: "no-space",
    text: "its file system, or a limit of its process, takes no file that large",
    hint: "look at LimitFSIZE and ulimit -f of dync-server, and at what the file system can hold",
  },
  // The steward's.
  EACCES: isWindows ? held : access,
  EPERM: isWindows ? held : access,
  EROFS: { code: "internal", text: "its file system is read-only", hint: "mount it for writing" },
  EIO: {
    code: "internal",
    text: "its disk reports an error",
    hint: "look at the system's log and at the disk",
  },
  EXDEV: {
    code: "internal",
    text: "the user's folder is on another file system than the data folder",
    hint: "keep users' folders on the data folder's file system: no links and no mounts to others",
  },
  ENOENT: {
    code: "internal",
    text: "a folder is gone, or a link leads nowhere",
    hint: "make the folder anew, or remove the link",
  },
  ENOTDIR: { code: "internal", text: "a file is in the place of a folder", hint: "move that file away" },
  EEXIST: { code: "internal", text: "a file is in the place of a folder", hint: "move that file away" },
  EISDIR: { code: "internal", text: "a folder is in the place of a file", hint: "move that folder away" },
  ELOOP: { code: "internal", text: "links lead in a circle", hint: "remove the link" },
  // This name's.
  ENAMETOOLONG: { code: "forbidden", text: "the file name is too long for its file system" },
  EILSEQ: { code: "forbidden", text: "its file system does not take this file name" },
};

/**
 * The error of the storage contract behind what the system said. `action` completes "The file could not be … on the
 * server". A `DyncError` passes through as it is.
 */
export function storageError(action: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  const code = systemCode(cause);
  const could = `The file could not be ${action} on the server`;
  const trouble = code === null ? undefined : troubles[code];
  if (trouble === undefined) {
    return new DyncError("internal", code === null ? could : `${could} (${code})`, { cause });
  }
  const { text, hint } = trouble;
  const whose = trouble.code === "internal" ? "; its administrator has to mend that" : "";
  const message = `${could}: ${text} (${code})${whose}`;
  return new DyncError(trouble.code, message, { cause, hint });
}

/** The data folder is away, or another one is in its place: a disk that is not mounted comes back, so this passes. */
export function folderIsAway(cause?: unknown): DyncError {
  const hint = "mount it, or put it back; a server for another folder has to be started anew";
  return new DyncError("not-ready", "The data folder of the server is not there", { cause, hint });
}

/**
 * What a client hears that has sent all of a file of which a part was not kept: sent once more it may be. Where the reason was `failure`,
 * a lack of room, it hears that, since the same bytes would find none either.
 */
export function notDurable(failure: unknown): DyncError {
  const cause = failure instanceof DyncError ? failure : undefined;
  if (cause?.code === "no-space") return cause;
  const text = "The file arrived and could not be made durable; the server asks for what it needs again";
  return new DyncError("not-ready", text, { cause: failure, hint: cause?.hint });
}

// What the system's error codes mean where it does not matter who asked: which of them pass by themselves, and what keeps a
// file from being read, in words. What they mean for a server's data folder is in `storage/storage-error.ts`.

import { messageOf, systemCode } from "./error.ts";

/** The process, or the machine, is short of something; nothing is wrong with what was asked for. */
const shortages: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EAGAIN", "EINTR"]);

/** A program that holds a file, a disk or its inodes, a share that does not answer yet. */
const outages: ReadonlySet<string> = new Set([
  ...["EBUSY", "ETXTBSY", "ENOSPC", "EDQUOT", "EIO"],
  ...["ESTALE", "ETIMEDOUT", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"],
]);

export function isShortage(error: unknown): boolean {
  return shortages.has(systemCode(error) ?? "");
}

/** Whether it may be over in a minute, with nobody changing anything. */
export function isPassing(error: unknown): boolean {
  return isShortage(error) || outages.has(systemCode(error) ?? "");
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EBUSY: "another program uses it",
  EAGAIN: "nothing is there to be read yet",
  EIO: "the disk reports an error",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its path is too long for this system",
};

/** Why a file could not be read, as the end of a sentence. */
export function whyUnreadable(error: unknown): string {
  return unreadable[systemCode(error) ?? ""] ?? messageOf(error);
}

// What a client that watches a folder tells of itself: a member of infos, for `message.ts`. All of it is bounded, so that an info has
// room for it, and comes from whoever has a key.

import { limits } from "../limits.ts";
import { priorities } from "../priority.ts";
import * as field from "./fields.ts";

const report = {
  /** What the folder is called: by this one report of a user is told from another. */
  label: field.shortText(limits.labelLengthMax),
  /** The client's calendar time when it said this. */
  clock: field.timestamp,
  /** How long its last question on this connection took, in ms: from that it is known how old `clock` is when it arrives. */
  roundTrip: field.size,
  /** In so many seconds it reports again, unless it ends. */
  next: field.size,
  /** It ends now, and was asked to. */
  stops: field.yes,
  /** How many entries wait for what, by the words of the client. */
  waiting: field.counts(limits.waitReasonsMax),
  /** Of these: entries, and their bytes, that are still to be sent. */
  entries: field.size,
  bytes: field.size,
  /** For so many seconds the one waits that waits longest. */
  oldest: field.size,
  /** Entries that need a person. */
  troubles: field.size,
  /** Why the folder cannot be looked at. */
  lost: field.shortText(limits.reportTextLengthMax),
  /** Uploads under way. */
  uploads: field.size,
  /** Of the disk that the folder is on: bytes that are free, and all. */
  free: field.size,
  disk: field.size,
  /** The system that it runs on. */
  system: field.shortText(limits.labelLengthMax),
  /** The profile of the instrument. */
  profile: field.shortText(limits.labelLengthMax),
  /** The limit in force, in bytes a second. */
  limit: field.size,
  priority: field.oneOf(...priorities),
};

export type InstrumentReport = field.Info<typeof report> & {
  readonly label: string;
  readonly clock: string;
};

const readReport = field.group(report);

/** Nothing is a report that does not say whose it is, and when it was made. */
function wholeReport(value: unknown): InstrumentReport | undefined {
  const read = readReport(value);
  if (read?.label === undefined || read.clock === undefined) return undefined;
  return { ...read, label: read.label, clock: read.clock };
}

/** Members of a question. */
export const reportAsked = {
  /** With `ask`: the server is told how a watched folder does; nothing is asked. */
  report: wholeReport,
};

/** Members of an answer. */
export const reportTold = {
  /** Of an answer to `state`: the server keeps reports of watched folders. */
  reports: field.yes,
  /** The report was kept. */
  reported: field.yes,
};

// What a client can ask of its own user's uploads, and how that is told: members of infos, for `message.ts`.

import { limits } from "../limits.ts";
import { priorities } from "../priority.ts";
import { waitCauses } from "../wait.ts";
import * as field from "./fields.ts";

/** What may be asked for: how the user stands, and lists of uploads. */
export const statusQuestions = [
  /** What the user has, and may have. */
  "account",
  /** Uploads with which something is being done just now. */
  "running",
  /** Uploads that have not ended, and with which nothing is being done. */
  "waiting",
  /** Uploads that are stored, the latest first. */
  "stored",
  /** Uploads that began and came to nothing, the latest first. */
  "failed",
  /** Uploads that were not taken, the latest first. */
  "refused",
] as const;
export type StatusQuestion = (typeof statusQuestions)[number];

/** How uploads of the list "waiting" are. */
export const restingStates = ["waiting", "held", "publishing"] as const;
export type RestingState = (typeof restingStates)[number];

const quota = {
  /** Bytes. */
  bytes: field.size,
  used: field.size,
  /** Of it by unfinished uploads. */
  underWay: field.size,
  /** Whose it is, where others have it as well. */
  group: field.text,
};

const account = {
  /** Uploads that have not ended, and how many there may be. */
  unfinished: field.size,
  unfinishedMax: field.size,
  /** Uploads with which something is being done, and how many there may be. */
  running: field.size,
  runningMax: field.size,
  /** Uploads that were stored, and their bytes. */
  stored: field.size,
  storedBytes: field.size,
  /** Of them: in the last 24 hours, and in the last seven days. */
  day: field.size,
  week: field.size,
  quotas: field.groups(quota, 2),
  /** Until when the key is good that asks. */
  expires: field.timestamp,
  /** Groups that the user is in. */
  groups: field.texts,
  /** The highest priority that uploads may have. */
  priority: field.oneOf(...priorities),
};

const row = {
  id: field.text,
  /** A dataset's is without ".tar". */
  name: field.text,
  dataset: field.yes,
  /** Of "waiting". */
  state: field.oneOf(...restingStates),
  /** Bytes in all, where that is known, and those that have arrived. */
  size: field.size,
  bytes: field.size,
  /** Bytes a second, on average. */
  rate: field.size,
  /** Since when something is being done with it, or else when it began. */
  since: field.timestamp,
  /** When it was stored, ended, was refused, or changed last. */
  at: field.timestamp,
  waits: field.oneOf(...waitCauses),
  ahead: field.size,
  /** Name and version of the client's program. */
  client: field.text,
  /** Fingerprint of the key that sends it. */
  key: field.text,
  sha256: field.sha256,
  /** Number of section 7. */
  code: field.size,
  /** In the words that its client was told. */
  reason: field.text,
  /** How often it was refused so. */
  times: field.size,
};

/** Members of a question. */
export const statusAsked = {
  /** With `ask`: how the user's uploads are is wanted instead. */
  status: field.oneOf(...statusQuestions),
  /** With `status`: a list is wanted from where another answer ended. */
  after: field.text,
};

/** Members of an answer. */
export const statusTold = {
  /** Which question it answers. */
  status: field.oneOf(...statusQuestions),
  account: field.group(account),
  rows: field.groups(row, limits.rowsMax),
  /** There is more: `after` of the question that gets it. */
  next: field.text,
};

export type Account = field.Info<typeof account>;
export type StatusRow = field.Info<typeof row>;

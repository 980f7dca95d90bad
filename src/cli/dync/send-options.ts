// The options of `dync send`, by what they are about. Values are read where they are used.

import { sharedOptions } from "../args.ts";
import type { OptionsDef, OptionValues } from "../command.ts";

/** What becomes of links in a folder. */
export const linkPolicies = ["follow", "skip", "fail"] as const;

export const metadataOptions = {
  meta: { type: "string", alias: "m", bytes: true },
  "key-value": { type: "string", alias: "k", repeat: true },
  "metadata-from": { type: "string", bytes: true },
  sidecars: { type: "boolean" },
} as const satisfies OptionsDef;

const nameOptions = {
  name: { type: "string", alias: "n" },
  "name-template": { type: "string" },
  unpack: { type: "boolean" },
} as const satisfies OptionsDef;

/** What of a folder is meant. */
export const selectionOptions = {
  dataset: { type: "boolean" },
  include: { type: "string", repeat: true, bytes: true },
  exclude: { type: "string", repeat: true, bytes: true },
  links: { type: "string", values: linkPolicies },
  all: { type: "boolean" },
} as const satisfies OptionsDef;

/** A folder that is sent while it is written. */
const liveOptions = {
  live: { type: "boolean" },
  "complete-on": { type: "string", bytes: true },
  profile: { type: "string", bytes: true },
  settle: { type: "string" },
} as const satisfies OptionsDef;

const pathOptions = {
  "files-from": { type: "string", bytes: true },
  null: { type: "boolean", alias: "0" },
  recursive: { type: "boolean", alias: "r" },
  "dry-run": { type: "boolean" },
  ...selectionOptions,
  ...liveOptions,
} as const satisfies OptionsDef;

const inputOptions = {
  "stdin-from-command": { type: "boolean" },
  "stdin-jobs": { type: "boolean" },
  command: { type: "words", behind: "stdin-from-command" },
} as const satisfies OptionsDef;

export const serverOptions = {
  port: { type: "string", alias: "p" },
  "server-key": { type: "string" },
} as const satisfies OptionsDef;

const alreadyOptions = {
  "skip-identical": { type: "boolean" },
} as const satisfies OptionsDef;

/** What an upload leaves to others. */
export const networkOptions = {
  limit: { type: "string" },
  priority: { type: "string" },
} as const satisfies OptionsDef;

export const conductOptions = {
  jobs: { type: "string" },
  "retry-for": { type: "string" },
  quiet: { type: "boolean", alias: "q" },
  json: { type: "boolean" },
} as const satisfies OptionsDef;

const positionals = {
  server: { type: "positional", required: false, bytes: true },
  file: { type: "positional", required: false, repeat: true, bytes: true },
} as const satisfies OptionsDef;

export const sendOptions = {
  ...sharedOptions,
  ...metadataOptions,
  ...nameOptions,
  ...pathOptions,
  ...inputOptions,
  ...serverOptions,
  ...alreadyOptions,
  ...networkOptions,
  ...conductOptions,
  ...positionals,
} as const satisfies OptionsDef;

export type SendValues = OptionValues<typeof sendOptions>;

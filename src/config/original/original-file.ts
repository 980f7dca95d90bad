// The original server's configuration (`/etc/dyncserver.yaml`) as it reads it: what it needs, and of which type it is there.

import { isAbsolute, normalize } from "node:path/posix";
import * as v from "valibot";
import { type Parsed, right, wrong } from "../parsed.ts";
import { switches } from "../setting.ts";
import { checkFile, type FileReading, member, ofKind, openTable, table } from "../table.ts";
import { tomlText } from "../toml.ts";
import { readYaml } from "./yaml.ts";

/** A place for files, taken by what they are called and who sends them. */
export interface Dropbox {
  /** Python's, which has to match from the beginning of the name on. */
  readonly regexp: string;
  /** Absolute, without "." and "..". */
  readonly path: string;
  /** Users; without them, all. */
  readonly origin?: readonly string[] | undefined;
  readonly match_file?: boolean | undefined;
  readonly match_dir?: boolean | undefined;
  /** `true` where it is not there. */
  readonly requires_barcode?: boolean | undefined;
}

export interface OriginalFile {
  readonly address: { readonly host: string; readonly port: number };
  readonly options?: { readonly umask?: number | undefined } | undefined;
  readonly storage: {
    readonly path: string;
    readonly manual?: string | undefined;
    readonly dropboxes: readonly Dropbox[];
  };
  /** As `logging.config.dictConfig` has it. */
  readonly logging?: Readonly<Record<string, unknown>> | undefined;
}

const dropbox = table({
  regexp: member(readText),
  path: member(readFolder),
  origin: v.optional(member(readUsers)),
  match_file: v.optional(ofKind(switches)),
  match_dir: v.optional(ofKind(switches)),
  requires_barcode: v.optional(ofKind(switches)),
});

const schema = openTable({
  address: member(readAddress),
  options: v.optional(openTable({ umask: v.optional(member(readUmask)) })),
  storage: openTable({
    path: member(readFolder),
    manual: v.optional(member(readFolder)),
    dropboxes: v.array(dropbox),
  }),
  logging: v.optional(openTable({})),
});

/** Reads `text`. Everything that is wrong with it is told at once. */
export function readOriginalFile(text: string): FileReading<OriginalFile> {
  return checkFile(readYaml(text), schema as v.GenericSchema<unknown, OriginalFile>);
}

function readText(value: unknown): Parsed<string> {
  return typeof value === "string" ? right(value) : wrong("a text", tomlText(value));
}

function readFolder(value: unknown): Parsed<string> {
  const isFolder = typeof value === "string" && isAbsolute(value) && !/\p{Cc}/u.test(value);
  if (!isFolder) return wrong('an absolute path: "/srv/dropbox"', tomlText(value));
  return right(normalize(value).replace(/(?<=.)\/$/, ""));
}

function readUsers(value: unknown): Parsed<readonly string[]> {
  const isList = Array.isArray(value) && value.every((it) => typeof it === "string" && it !== "");
  return isList ? right(value) : wrong('a list of users: ["a", "b"]', tomlText(value));
}

function readUmask(value: unknown): Parsed<number> {
  const isMask = Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777;
  return isMask ? right(value as number) : wrong("a mask of permissions from 0000 to 0777", tomlText(value));
}

function readAddress(value: unknown): Parsed<OriginalFile["address"]> {
  const wanted = 'an address and a port: "tcp://*:8889"';
  const parts =
    typeof value === "string" ? /^tcp:\/\/(\*|\[[^\]]+\]|[^:[\]/;]+):(\*|\d{1,5})$/.exec(value) : null;
  const [, host = "", port = ""] = parts ?? [];
  const number = port === "*" ? 0 : Number(port);
  return parts !== null && number <= 65535 ? right({ host, port: number }) : wrong(wanted, tomlText(value));
}

// `[sign-in]` of a server's file: whom a proxy before the status page lets in, and what they may do.

import { isIP } from "node:net";
import * as v from "valibot";
import type { Matches } from "../rules/linear-pattern.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { plainUrl } from "./public-address.ts";
import { patterns, readTexts } from "./rules-table.ts";
import { type FileReading, type MemberFault, member, memberFault, table } from "./table.ts";
import { tomlText } from "./toml.ts";

/** An address, or all that begin with so many bits of it. */
export interface AddressRange {
  readonly address: string;
  /** `null`: this address alone. */
  readonly bits: number | null;
}

/** Whom the status page lets in because a proxy knows them. */
export interface ProxySignIn {
  /** Name of the header in which it says who that is, in lower case. */
  readonly header: string;
  /** Where proxies are that may say so. */
  readonly from: readonly AddressRange[];
  /** Who acts, and who looks only. */
  readonly stewards: readonly Matches[];
  readonly viewers: readonly Matches[];
  /** Where the proxy signs out, or `null`. */
  readonly signOut: string | null;
}

/** The table as it is written. */
export interface SignInRow {
  readonly header: string;
  readonly from?: readonly AddressRange[] | undefined;
  readonly stewards?: readonly Matches[] | undefined;
  readonly viewers?: readonly Matches[] | undefined;
  readonly "sign-out"?: string | undefined;
}

const thisMachine: readonly AddressRange[] = [
  { address: "127.0.0.0", bits: 8 },
  { address: "::1", bits: null },
];

/** What `[sign-in]` may hold. */
export function signInMembers() {
  return {
    "sign-in": v.optional(
      table({
        header: member(readHeader),
        from: v.optional(member(readRanges)),
        stewards: v.optional(patterns(false, "users")),
        viewers: v.optional(patterns(false, "users")),
        "sign-out": v.optional(member(readSignOut)),
      }),
    ),
  };
}

/** What is wrong with its members beside each other. */
export function signInFaults(
  row: SignInRow | null,
  reading: Extract<FileReading<unknown>, { ok: true }>,
): readonly MemberFault[] {
  if (row === null || row.stewards !== undefined || row.viewers !== undefined) return [];
  return [memberFault(reading, ["sign-in"], 'needs "stewards" or "viewers": else nobody is let in')];
}

export function proxySignInOf(row: SignInRow | null): ProxySignIn | null {
  if (row === null) return null;
  const { header, from = thisMachine, stewards = [], viewers = [] } = row;
  return { header: header.toLowerCase(), from, stewards, viewers, signOut: row["sign-out"] ?? null };
}

// What browsers and proxies send by themselves names nobody; and of what may come once only, the runtime keeps the first where it comes
// twice, so that nobody would see that it did.
const notNames =
  /^(cookie|host|origin|referer|user-agent|accept.*|content-.*|connection|via|forwarded|x-forwarded-(for|proto|host)|sec-.*|x-dync-.*|from|(proxy-)?authorization|age|etag|expires|if-.*|last-modified|location|max-forwards|retry-after|server)$/i;

function readHeader(value: unknown): Parsed<string> {
  const wanted = 'the name of a header that the proxy sets: "X-Remote-User"';
  const isName = typeof value === "string" && /^[A-Za-z0-9-]{1,80}$/.test(value) && !notNames.test(value);
  return isName ? right(value) : wrong(wanted, tomlText(value));
}

function readRanges(value: unknown): Parsed<readonly AddressRange[]> {
  const wanted = 'a list of addresses: ["127.0.0.1", "10.1.0.0/16"]';
  const texts = readTexts(value);
  if (!texts.ok) return wrong(wanted, tomlText(value));
  const ranges: AddressRange[] = [];
  for (const text of texts.value) {
    const range = rangeIn(text);
    if (range === null) return wrong(wanted, tomlText(text));
    ranges.push(range);
  }
  return right(ranges);
}

function rangeIn(text: string): AddressRange | null {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || rest.length > 0) return null;
  if (bits === undefined) return { address, bits: null };
  const isCount = /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
  return isCount ? { address, bits: Number(bits) } : null;
}

function readSignOut(value: unknown): Parsed<string> {
  const wanted = 'a path of the proxy, or an address: "/oauth2/sign_out"';
  if (typeof value !== "string") return wrong(wanted, tomlText(value));
  const isPath = /^\/(?!\/)[\w./?=&%+~-]*$/.test(value);
  return isPath || plainUrl(value) !== null ? right(value) : wrong(wanted, tomlText(value));
}

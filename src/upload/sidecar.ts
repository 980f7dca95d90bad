// The two texts that lie beside each published file: `NAME.meta.json`, the client's metadata with one member of
// ours, from which the catalogue can be rebuilt, and `NAME.sha256`, for `sha256sum -c`. Pure.

import { compactJson, indentedJson, jsonMember, jsonMembers, objectText } from "../base/json-text.ts";
import { destinationAt, destinationOf, type Manner, pathOf } from "./destination.ts";
import { type CompleteUpload, type Contents, layouts } from "./upload.ts";

const ownMember = "_dync";
const schema = 1;
/** What the bytes of a dataset were, as its client called it on the wire. */
const unpack = "tar";
/** What a file is in that lies in a folder as the dropboxes of openBIS want it. */
const openbis = "openbis";

// Indented, many short values deep within each other would be many times as long as what was sent.
const indentedCharsMax = 1024 * 1024;

/** Our member: where a published file came from. */
type Provenance = Omit<
  CompleteUpload,
  "id" | "metadataText" | "added" | "contents" | "receivedAt" | "place"
> & {
  readonly upload: string;
  readonly received: string;
  /** Below the data folder; not there where it is the user's folder and the name. */
  readonly path?: string;
  /** Names of the members that hooks added; not there where they added none. */
  readonly added?: readonly string[];
};

/**
 * Text of `NAME.meta.json`: the members of the metadata as they were written, and ours. A member `_dync` of the client's own is
 * replaced: it cannot forge where it came from.
 */
export function sidecarText(complete: CompleteUpload): string {
  const { id: upload, metadataText, receivedAt: received, contents } = complete;
  const { identity, user, name, place, size, sha256, modified, client } = complete;
  const there = pathOf(destinationOf(complete));
  const path = there === `${user}/${name}` ? {} : { path: there };
  const origin = { schema, upload, identity, user, name, ...path, size, sha256 };
  const own = {
    ...origin,
    ...(contents === null
      ? place?.manner?.openbis === true
        ? { layout: openbis }
        : {}
      : { unpack, ...contents }),
    ...(place?.manner?.untar === undefined ? {} : { untar: place.manner.untar }),
    ...(complete.added == null ? {} : { added: JSON.parse(complete.added) as readonly string[] }),
    modified,
    received,
    client,
    ...(complete.amended === undefined ? {} : { amended: complete.amended }),
  };
  const members = jsonMembers(metadataText) ?? [];
  const text = objectText([
    ...members.filter((it) => it.name !== ownMember),
    jsonMember(ownMember, JSON.stringify(own)),
  ]);
  const indented = indentedJson(text);
  return `${indented.length <= indentedCharsMax ? indented : text}\n`;
}

/** What `sidecarText` wrote, or `null` when the text is anything else. */
export function parseSidecar(text: string): CompleteUpload | null {
  const members = jsonMembers(text);
  const ownText = members?.findLast((it) => it.name === ownMember)?.value;
  if (members === null || ownText === undefined) return null;
  const parsed: unknown = JSON.parse(ownText);
  if (!isObject(parsed)) return null;
  // The first versions of the program wrote no time of modification.
  const own: Record<string, unknown> = { modified: null, ...parsed };
  if (own.schema !== schema || !isProvenance(own)) return null;
  const isDataset = own.unpack !== undefined;
  const contents = isDataset ? contentsOf(own) : null;
  // What a newer version unpacked is not what this one takes it for.
  if (isDataset && contents === null) return null;
  const there = own.path === undefined ? null : destinationAt(own.path);
  // Nor does anybody look where no path leads.
  if (own.path !== undefined && there === null) return null;
  const manner = mannerOf(own);
  const place = manner === null ? there : { ...(there ?? { folder: own.user, name: own.name }), manner };
  const { upload: id, identity, user, name, size, sha256, modified, received: receivedAt, client } = own;
  const metadataText = compactJson(objectText(members.filter((it) => it.name !== ownMember)));
  const added = own.added === undefined ? {} : { added: JSON.stringify(own.added) };
  const known = { id, identity, user, name, place, size, sha256, contents, ...added };
  const amended = own.amended === undefined ? {} : { amended: own.amended };
  return { ...known, ...amended, modified, receivedAt, client, metadataText };
}

/** What of it somebody has to know who looks for the file, or is asked for it again. */
function mannerOf({ unpack: isDataset, layout, untar }: Record<string, unknown>): Manner | null {
  if (isDataset === undefined) return layout === openbis ? { openbis: true } : null;
  return typeof untar === "string" ? { untar } : null;
}

function contentsOf(own: Record<string, unknown>): Contents | null {
  const { files, list } = own;
  const layout = layouts.find((it) => it === own.layout);
  if (own.unpack !== unpack || layout === undefined) return null;
  if (!isCount(files) || typeof list !== "string") return null;
  return { layout, files, list };
}

/** Text of `NAME.sha256`, as `sha256sum` writes it: names with a backslash or a line break are escaped. */
export function checksumText(sha256: string, name: string): string {
  const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === name ? "" : "\\"}${sha256}  ${escaped}\n`;
}

/** What a line of `NAME.sha256` says, which comes without its end; `null`: it is none. */
export function parseChecksum(line: string): { readonly sha256: string; readonly path: string } | null {
  const [, mark, sha256, name] = /^(\\?)([0-9a-f]{64}) [ *](.+)$/s.exec(line) ?? [];
  if (sha256 === undefined || name === undefined) return null;
  const unescaped: Readonly<Record<string, string>> = { n: "\n", r: "\r", "\\": "\\" };
  const path = mark === "" ? name : name.replace(/\\([nr\\])/g, (_, it: string) => unescaped[it] ?? it);
  return { sha256, path };
}

/** Metadata as `NAME.meta.json` has them: without a member that has the name of ours. */
export function withoutOwn(metadataText: string): string {
  const members = jsonMembers(metadataText) ?? [];
  return objectText(members.filter((it) => it.name !== ownMember));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isProvenance(own: Record<string, unknown>): own is Record<string, unknown> & Provenance {
  const texts = ["upload", "identity", "user", "name", "sha256", "received"];
  if (!texts.every((key) => typeof own[key] === "string")) return false;
  for (const text of [own.path, own.amended])
    if (text !== undefined && typeof text !== "string") return false;
  if (own.added !== undefined && !isTextList(own.added)) return false;
  for (const text of [own.client, own.modified]) if (text !== null && typeof text !== "string") return false;
  return isCount(own.size);
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

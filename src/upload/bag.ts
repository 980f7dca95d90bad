// The texts of a bag (RFC 8493) that do not list its files. Pure.

import { jsonMembers } from "../base/json-text.ts";
import type { CompleteUpload } from "./upload.ts";

/** Text of `bagit.txt`. */
export const bagDeclaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/** What is in a bag. */
export interface Payload {
  readonly bytes: number;
  readonly files: number;
}

// What we say ourselves. Labels are compared without regard to case.
const ownLabels = ["bagging-date", "payload-oxum", "bag-software-agent", "external-identifier"];

/** Text of `bag-info.txt`: what we know, then each member of the metadata, a text as it is and anything else as JSON. */
export function bagInfoText(
  { name, receivedAt, metadataText }: CompleteUpload,
  { bytes, files }: Payload,
): string {
  const own = [
    ["External-Identifier", name],
    ["Bagging-Date", receivedAt.slice(0, 10)],
    ["Payload-Oxum", `${bytes}.${files}`],
    ["Bag-Software-Agent", "dync-server"],
  ] as const;
  const members = jsonMembers(metadataText) ?? [];
  const said = members.map((it) => [labelOf(it.name), textOf(it.value)] as const);
  const others = said.filter(([label]) => label !== "" && !ownLabels.includes(label.toLowerCase()));
  return [...own, ...others].map(([label, value]) => `${label}: ${value}\n`).join("");
}

/** A path as manifests write it. */
export function bagPath(path: string): string {
  return path.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

// A label ends at its colon, and a line at its break.
function labelOf(name: string): string {
  return oneLine(name).replaceAll(":", "").trim();
}

function textOf(json: string): string {
  const value: unknown = json.startsWith('"') ? JSON.parse(json) : json;
  return oneLine(String(value));
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, " ").trim();
}

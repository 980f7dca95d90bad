// Writes the table of doc/instruments.md, so that it cannot go stale: what the profiles say of instruments.
// `bun build/instruments-page.ts` writes it, test/watch/instruments-page.test.ts compares.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endText, type ListedProfile, listedProfiles } from "../src/watch/profile-list.ts";

export const instrumentsPage = join(import.meta.dir, "..", "doc", "instruments.md");

/** `page` with the table written anew. */
export function withProfiles(page: string): string {
  const head = "| profile | instrument | sent as one | complete | held back while | known from |";
  const rows = listedProfiles().map((it) => `| ${cellsOf(it).join(" | ")} |`);
  const table = [head, `|${" --- |".repeat(6)}`, ...rows].join("\n");
  return page.replace(/\| profile \|[^\n]*\n(?:\|[^\n]*\n)*/, () => `${table}\n`);
}

function cellsOf(profile: ListedProfile): readonly string[] {
  const { name, title, unit, names, depth, waits, sources } = profile;
  const shape = names.map((it) => `\`${it}\``).join(", ");
  const below = depth === undefined ? "" : `, ${depth} levels down`;
  return [
    `\`${name}\``,
    cell(title),
    cell(`${unit}${shape === "" ? "" : ` ${shape}`}${below}`),
    cell(endText(profile)),
    cell(waits.map(({ says, reason }) => `${says} (${reason})`).join("; ")),
    sources.map(sourceText).join("; "),
  ];
}

/** An address is a link; what stands in brackets behind it is said. */
function sourceText(source: string): string {
  const [, address = "", behind = ""] = /^(https:\/\/\S+)(.*)$/.exec(source) ?? [];
  if (address === "") return cell(source);
  const shown = address.replace(/^https:\/\//, "").replace(/^([^/]+)\/.{40,}\/([^/]+)$/, "$1/…/$2");
  return `[${cell(shown)}](${address})${cell(behind)}`;
}

function cell(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .replaceAll("*", "\\*")
    .replaceAll(/`([^`]*)`/g, (code) => code.replaceAll("\\*", "*"));
}

if (import.meta.main) writeFileSync(instrumentsPage, withProfiles(readFileSync(instrumentsPage, "utf8")));

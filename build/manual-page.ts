// Manual pages for Debian's packages: what `--help` prints of a program and of each of its commands, with the sections of such a page.
// `bun build/manual-page.ts dync|dync-server` prints one.

import type { Program } from "../src/cli/command.ts";
import { dync } from "../src/cli/dync/main.ts";
import { dyncServer } from "../src/cli/dync-server/main.ts";
import { helpText } from "../src/cli/usage-environment.ts";
import { describedOptions, summaryOf, type UsageSection, usageSections } from "../src/cli/usage-text.ts";
import { version } from "../src/cli/version.ts";
import type { ProgramName } from "./targets.ts";

export const programs: Readonly<Record<ProgramName, Program>> = { dync, "dync-server": dyncServer };

/** In which section of the manual the page of a program is: 8 is for administrators. */
export const manualSections: Readonly<Record<ProgramName, number>> = { dync: 1, "dync-server": 8 };

/** A page of `man` in troff; `epoch` is its date, in seconds since 1970. */
export function manualPage(name: ProgramName, version: string, epoch: number): string {
  const program = programs[name];
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const texts = [...program.commands, ...(program.groups ?? [])].filter(
    ({ usage }, at, all) => usage !== program.usage && all.findIndex((it) => it.usage === usage) === at,
  );
  const other = name === "dync" ? "dync\\-server (8)" : "dync (1)";
  return [
    `.TH ${troff(name).toUpperCase()} ${manualSections[name]} ${date} "${troff(`dync ${version}`)}"`,
    `.SH NAME\n${troff(name)} \\- ${troff(lowerFirst(summaryOf(program.usage)))}`,
    ...orderedSections(helpText(program, null)).flatMap((it) => sectionText(it, program.usage, ".SH")),
    ".SH COMMANDS",
    ...texts.flatMap((command) => [
      `.SS ${troff(`${name} ${command.name}`)}`,
      ...orderedSections(helpText(program, command)).flatMap((it) => sectionText(it, command.usage, ".B")),
    ]),
    `.SH SEE ALSO\n.BR ${other}`,
    "",
  ].join("\n");
}

const titles: Readonly<Record<string, string>> = { Usage: "SYNOPSIS", Example: "EXAMPLES" };

/** In the order of such pages: how it is called, what it does, the options and what belongs to them, and examples. */
function orderedSections(usage: string): readonly UsageSection[] {
  const all = usageSections(usage);
  const optionsAt = all.findIndex(({ title }) => title === "Options");
  const rankOf = ({ title }: UsageSection, at: number): number => {
    if (title === "Usage") return 0;
    if (title?.startsWith("Example")) return 3;
    return title === null && (optionsAt < 0 || at < optionsAt) ? 1 : 2;
  };
  const ranked = all.map((section, at) => ({ section, rank: rankOf(section, at) }));
  const said = ranked.filter(({ rank }) => rank === 1).map(({ section }) => section.lines.join("\n"));
  const description = { title: "Description", lines: said.join("\n\n").split("\n") };
  const ofRank = (wanted: number) => ranked.filter(({ rank }) => rank === wanted).map((it) => it.section);
  return [...ofRank(0), description, ...ofRank(2), ...ofRank(3)];
}

function sectionText(
  { title, lines }: UsageSection,
  usage: string,
  heading: ".SH" | ".B",
): readonly string[] {
  const name = heading === ".SH" ? (titles[title ?? ""] ?? title?.toUpperCase()) : title;
  const head = name == null ? [".PP"] : [...(heading === ".B" ? [".PP"] : []), `${heading} ${troff(name)}`];
  if (title === "Options") return [...head, ...optionTexts(usage)];
  return [...head, verbatim(lines)];
}

/** Each option with its description indented below, filled to the width of the terminal. */
function optionTexts(usage: string): readonly string[] {
  return describedOptions(usage).map(({ head, about }) => `.TP\n.B ${troff(head)}\n${troff(about)}`);
}

/** As it stands: tables and examples lose their sense where lines are filled. */
function verbatim(lines: readonly string[]): string {
  const text = lines.join("\n").replace(/^\n+|\n+$/g, "");
  return `.nf\n${text.split("\n").map(troff).join("\n")}\n.fi`;
}

function troff(line: string): string {
  return line
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll("`", "\\(ga")
    .replaceAll("…", "\\[u2026]")
    .replace(/^(?=['.])/, "\\&");
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

if (import.meta.main) {
  const name = Object.keys(programs).find((it) => it === process.argv[2]) as ProgramName | undefined;
  if (name === undefined) throw new Error(`one of ${Object.keys(programs).join(", ")} is wanted`);
  process.stdout.write(manualPage(name, version, Number(process.env.SOURCE_DATE_EPOCH ?? 0)));
}

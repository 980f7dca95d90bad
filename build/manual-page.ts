// Manual pages for Debian's packages: what `--help` prints of a program and of each of its commands, as it stands there.

import type { Program } from "../src/cli/command.ts";
import { dync } from "../src/cli/dync/main.ts";
import { dyncServer } from "../src/cli/dync-server/main.ts";
import type { ProgramName } from "./targets.ts";

export const programs: Readonly<Record<ProgramName, Program>> = { dync, "dync-server": dyncServer };

/** A page of `man` in troff; `epoch` is its date, in seconds since 1970. */
export function manualPage(name: ProgramName, section: number, version: string, epoch: number): string {
  const program = programs[name];
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const [summary = ""] = program.usage.trim().split("\n");
  const texts = [...program.commands, ...(program.groups ?? [])].filter(
    ({ usage }) => usage !== program.usage,
  );
  const other = name === "dync" ? "dync\\-server (8)" : "dync (1)";
  return [
    `.TH ${troff(name).toUpperCase()} ${section} ${date} "${troff(`dync ${version}`)}"`,
    `.SH NAME\n${troff(name)} \\- ${troff(lowerFirst(summary.replace(/\.$/, "")))}`,
    `.SH DESCRIPTION\n${verbatim(program.usage)}`,
    ".SH COMMANDS",
    ...texts.map((command) => `.SS ${troff(`${name} ${command.name}`)}\n${verbatim(command.usage)}`),
    `.SH SEE ALSO\n.BR ${other}`,
    "",
  ].join("\n");
}

function verbatim(text: string): string {
  return `.nf\n${text.trim().split("\n").map(troff).join("\n")}\n.fi`;
}

function troff(line: string): string {
  return line
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll("`", "\\(ga")
    .replace(/^(?=['.])/, "\\&");
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

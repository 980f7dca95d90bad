// Reads the help texts of commands. People read them as they are; shell completions and manual pages are made of what is
// found here, and a test holds each text to it. Pure.

/** An option as a help text has it. */
export interface DescribedOption {
  /** `retry-for` of `--retry-for`. */
  readonly name: string;
  /** The one letter of `-q`, or `null`. */
  readonly letter: string | null;
  /** What stands for its value, such as `FILE`; `null`: it is a switch. */
  readonly placeholder: string | null;
}

/** Lines of the section "Options": one option, or several that are described together. */
export interface OptionEntry {
  /** Both columns of its first line, left: `-m, --meta FILE`. */
  readonly head: string;
  readonly options: readonly DescribedOption[];
  /** In one line. */
  readonly about: string;
}

/** A part of a help text: what stands before the first header, or below one. */
export interface UsageSection {
  /** Such as `Options` or `Exit status`; `null`: the text at the beginning, or a paragraph after a section. */
  readonly title: string | null;
  readonly lines: readonly string[];
}

/** The parts of a help text, in their order. */
export function usageSections(usage: string): readonly UsageSection[] {
  const sections: { title: string | null; lines: string[] }[] = [];
  let last: { title: string | null; lines: string[] } | null = null;
  const all = usage.trim().split("\n");
  for (const [at, line] of all.entries()) {
    // A header stands alone, with what it is about indented below; a line at the margin is text again.
    const title = all[at + 1]?.startsWith(" ") ? /^([A-Z][^:,]*):$/.exec(line)?.[1] : undefined;
    const isText = last?.title != null && line !== "" && !line.startsWith(" ");
    if (title !== undefined || last === null || isText) {
      last = { title: title ?? null, lines: title === undefined ? [line] : [] };
      sections.push(last);
    } else last.lines.push(line);
  }
  return sections.map(({ title, lines }) => ({ title, lines: lines.join("\n").trimEnd().split("\n") }));
}

/** What a command is for: the first sentence of its help text. */
export function summaryOf(usage: string): string {
  const paragraph = usage.trim().split("\n\n", 1)[0]!.replaceAll("\n", " ");
  return /^.*?\.(?= |$)/.exec(paragraph)?.[0].slice(0, -1) ?? paragraph;
}

/** The entries of the section "Options", none where there is no such section. */
export function describedOptions(usage: string): readonly OptionEntry[] {
  const lines = usageSections(usage).find(({ title }) => title === "Options")?.lines ?? [];
  const entries: { head: string; about: string[] }[] = [];
  for (const line of lines) {
    if (line === "") break;
    if (/^ {2,6}-/.test(line)) {
      const [, head = "", about = ""] = /^ +(\S.*?)(?:(?: {2,}| (?![A-Z-]))(.*))?$/.exec(line) ?? [];
      entries.push({ head, about: [about] });
    } else entries.at(-1)?.about.push(line.trim());
  }
  return entries.map(({ head, about }) => ({
    head,
    options: optionsIn(head),
    about: about.filter((it) => it !== "").join(" "),
  }));
}

/** `-m, --meta FILE, --sidecars`: two options. */
function optionsIn(head: string): readonly DescribedOption[] {
  const found = head.matchAll(/(?:(?<=^|, )-(\w), )?(?<=^|, )--([a-z\d-]+)(?: ([^\s,]+))?/g);
  return [...found].map(([, letter, name, placeholder]) => ({
    name: name as string,
    letter: letter ?? null,
    placeholder: placeholder ?? null,
  }));
}

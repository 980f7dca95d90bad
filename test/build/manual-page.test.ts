// The pages of the manual: made of the help texts, all of them, and free of what troff warns of.

import { describe, expect, test } from "bun:test";
import { manualPage, programs } from "../../build/manual-page.ts";
import type { ProgramName } from "../../build/targets.ts";
import { describedOptions } from "../../src/cli/usage-text.ts";
import { runProgram } from "../support/programs.ts";

const names = Object.keys(programs) as ProgramName[];

describe.each(names.map((name) => [name] as const))("the page of %s", (name) => {
  const page = manualPage(name, "1.2.3", 1_790_000_000);
  const program = programs[name];

  test("has the sections of such a page, in their order", () => {
    const sections = [...page.matchAll(/^\.SH (.*)$/gm)].map(([, title]) => title);
    const wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "COMMANDS", "SEE ALSO"];
    expect(sections.filter((it) => wanted.includes(it ?? ""))).toEqual(wanted);
    expect(page).toStartWith(
      `.TH ${name.toUpperCase().replaceAll("-", "\\-")} ${name === "dync" ? 1 : 8} 2026-09`,
    );
  });

  test("has every command, with each of its options", () => {
    const parts = page.split(/^\.SS /m);
    for (const { name: command, usage } of program.commands) {
      const own = parts.find((it) => it.startsWith(`${name} ${command}\n`.replaceAll("-", "\\-"))) ?? "";
      const alike = program.commands.some((it) => it.name !== command && it.usage === usage);
      const part = usage === program.usage ? parts[0]! : own;
      if (part === "" && alike) continue;
      for (const { head } of describedOptions(usage))
        expect(part).toContain(`\n.TP\n.B ${head.replaceAll("-", "\\-").replaceAll("~", "\\(ti")}\n`);
    }
  });

  test("is ASCII", () => {
    expect(page).toMatch(/^[\n\x20-\x7e]+$/);
  });

  test.skipIf(Bun.which("groff") === null)("is shown by groff without a warning (groff)", async () => {
    const stdin = new Blob([page]);
    const end = await runProgram(["groff", "-ww", "-mandoc", "-Tutf8"], { stdin });
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(end.stdout).not.toBe("");
  });
});

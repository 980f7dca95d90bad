// `completions SHELL` of both programs: prints the script with which a shell completes their commands.

import { DyncError } from "../../base/error.ts";
import { sharedOptions } from "../args.ts";
import { type Command, defineCommand, type Environment, type Program } from "../command.ts";
import { printable } from "../printable.ts";
import { type Shell, shells } from "./script.ts";
import { completionsUsage } from "./usage.ts";

/**
 * The command of `program`, which holds it. `servers` lists what a user may write as SERVER; a program without that has no
 * option that lists them.
 */
export function completionsCommand(
  program: () => Program,
  programName: string,
  servers: ((environment: Environment) => Promise<readonly string[]>) | null,
): Command {
  return defineCommand({
    name: "completions",
    usage: completionsUsage(programName, servers !== null),
    options: {
      ...sharedOptions,
      ...(servers === null ? {} : { servers: { type: "boolean" } }),
      shell: { type: "positional", values: shells },
    },
    async run(values: Readonly<Record<string, unknown>>, { output, environment }) {
      const { shell } = values;
      if (values.servers === true && servers !== null) {
        for (const name of await servers(environment)) output.result(name);
        return 0;
      }
      const chosen = readShell(shell);
      const { completionScript } = await import("./completion-script.ts");
      output.text(completionScript(program(), chosen).trimEnd());
      return 0;
    },
  });
}

function readShell(text: unknown): Shell {
  const shell = shells.find((it) => it === text);
  if (shell !== undefined) return shell;
  const found =
    text === undefined
      ? "SHELL is missing"
      : `SHELL needs one of the shells, found "${printable(String(text))}"`;
  throw new DyncError("usage", found, { hint: `known are ${shells.join(", ")}` });
}

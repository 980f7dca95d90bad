// The script for each shell. Only who asks for one reads this: every start of a program would read the scripts of all shells.

import type { Program } from "../command.ts";
import { bashScript } from "./bash.ts";
import { type CompletedProgram, completedProgram } from "./completed.ts";
import { fishScript } from "./fish.ts";
import { powershellScript } from "./powershell.ts";
import type { Shell } from "./script.ts";
import { zshScript } from "./zsh.ts";

const scripts: Readonly<Record<Shell, (program: CompletedProgram) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

/** The script for `shell`, which ends with a line feed. */
export function completionScript(program: Program, shell: Shell): string {
  return scripts[shell](completedProgram(program));
}

// What real shells offer where somebody presses the tab key on a line. Each is asked with the script that the program prints for
// it; the compiled program is beside them, which some ask for each word.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Shell, shells } from "../../src/cli/completions/script.ts";
import { executables, executablesMissing } from "./executables.ts";
import { powerShell, powerShellMissing } from "./power-shell.ts";
import { runProgram } from "./programs.ts";
import { terminalMissing } from "./terminal.ts";

/** The shells that can be asked here, each with why it is not, or `null`. */
export const askedShells = shells.map((shell) => ({ shell, missing: missingFor(shell) }));

function missingFor(shell: Shell): string | null {
  if (executablesMissing !== null) return executablesMissing;
  if (shell === "powershell") return powerShellMissing;
  if (process.platform === "win32" || Bun.which(shell) === null) return `no ${shell}`;
  return shell === "zsh" ? terminalMissing : null;
}

/** A folder in which lines are typed, and how. */
export interface Desk {
  /** Where the shell is, and the user's files are. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Makes `folder` a place to type at, with both programs and the scripts that `scriptOf` gives. */
export async function makeDesk(
  folder: string,
  scriptOf: (program: string, shell: Shell) => string,
): Promise<Desk> {
  const tools = join(folder, "tools");
  mkdirSync(join(folder, "desk"), { recursive: true });
  mkdirSync(tools);
  const { dync, dyncServer } = await executables();
  for (const [program, path] of Object.entries({ dync, "dync-server": dyncServer })) {
    symlinkSync(path, join(tools, program));
    for (const shell of shells) writeFileSync(join(tools, `${program}.${shell}`), scriptOf(program, shell));
  }
  const env = {
    PATH: `${tools}:${process.env.PATH}`,
    DYNC_HOME: join(folder, "home"),
    HOME: folder,
    ZDOTDIR: tools,
    TOOLS: tools,
    TERM: "xterm",
    LC_ALL: "C.UTF-8",
  };
  return { folder: join(folder, "desk"), env };
}

/** The words that `shell` offers at the end of each of `lines`, sorted. */
export async function offered(
  shell: Shell,
  desk: Desk,
  lines: readonly string[],
): Promise<readonly (readonly string[])[]> {
  const text = await askers[shell](desk, lines);
  const blocks = text.split("=====\n").slice(0, -1);
  if (blocks.length !== lines.length) throw new Error(`${shell} said: ${text.slice(0, 2000)}`);
  return blocks.map((block) =>
    [...new Set(block.split("\n").map(bareWord))].filter((it) => it !== "").sort(),
  );
}

/** Some shells show the whole word with the name of its option, and which names are folders. */
function bareWord(word: string): string {
  return word.replace(/^--[a-z-]+=/, "").replace(/\/$/, "");
}

const askers = { bash: askBash, zsh: askZsh, fish: askFish, powershell: askPowerShell };

/** Calls the function that bash would, with what bash tells it: split at ":" and "=" as well. */
async function askBash({ folder, env }: Desk, lines: readonly string[]): Promise<string> {
  const script = `
source "$TOOLS/dync.bash"
source "$TOOLS/dync-server.bash"
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
while IFS= read -r COMP_LINE; do
  COMP_POINT=\${#COMP_LINE}
  IFS=$'\\n' read -r -d '' -a COMP_WORDS < <(printf '%s' "$COMP_LINE" | sed 's/[=:]/ & /g' | tr -s ' ' '\\n')
  [[ $COMP_LINE != *' ' && $COMP_LINE != *[=:] ]] || COMP_WORDS+=("")
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  name=\${COMP_WORDS[0]}
  "_\${name//-/_}" "$name"
  printf '%s\\n' "\${COMPREPLY[@]}" "====="
done`;
  const stdin = new Blob([`${lines.join("\n")}\n`]);
  const { stdout, stderr } = await runProgram(["bash", "--norc", "-c", script], { cwd: folder, env, stdin });
  return stdout + stderr;
}

async function askFish({ folder, env }: Desk, lines: readonly string[]): Promise<string> {
  const script = `
source $TOOLS/dync.fish
source $TOOLS/dync-server.fish
while read -l line
  complete -C "$line" | string replace -r '\\t.*' ''
  echo =====
end`;
  const stdin = new Blob([`${lines.join("\n")}\n`]);
  const { stdout, stderr } = await runProgram(["fish", "--no-config", "-c", script], {
    cwd: folder,
    env,
    stdin,
  });
  return stdout + stderr;
}

/** Asks what the tab key asks; that offers files as they are typed to be run, with "./" before them. */
async function askPowerShell({ folder, env }: Desk, lines: readonly string[]): Promise<string> {
  const script = `
. ([scriptblock]::Create([IO.File]::ReadAllText("$env:TOOLS/dync.powershell")))
. ([scriptblock]::Create([IO.File]::ReadAllText("$env:TOOLS/dync-server.powershell")))
foreach ($line in @($input)) {
  (TabExpansion2 $line $line.Length).CompletionMatches | ForEach-Object { $_.CompletionText -replace '^\\./', '' }
  '====='
}`;
  const stdin = new Blob([`${lines.join("\n")}\n`]);
  const command = [powerShell, "-NoProfile", "-NonInteractive", "-Command", script];
  const { stdout, stderr } = await runProgram(command, { cwd: folder, env, stdin }, 90_000);
  return stdout + stderr;
}

/** Types each line and the tab key at a terminal: zsh completes nowhere else. What is offered passes through `compadd`. */
async function askZsh({ folder, env }: Desk, lines: readonly string[]): Promise<string> {
  const tools = env.TOOLS as string;
  const offers = join(tools, "offered");
  writeFileSync(
    join(tools, ".zshrc"),
    `
fpath=($TOOLS/functions $fpath)
autoload -Uz compinit && compinit -u -d $TOOLS/dump
source $TOOLS/dync.zsh
source $TOOLS/dync-server.zsh
unsetopt auto_list auto_menu beep
function compadd {
  if [[ " $* " == *' -'[OAD]' '* ]]; then builtin compadd "$@"; return; fi
  local -a found
  builtin compadd -O found "$@"
  print -rl -- $found >> ${offers}
  builtin compadd "$@"
}
function next-line { print '=====' >> ${offers}; zle kill-buffer }
function leave { exit 0 }
zle -N next-line; zle -N leave
bindkey '^T' next-line
bindkey '^G' leave
PS1='READY> '
`,
  );
  writeFileSync(offers, "");
  writeFileSync(join(tools, "keys"), `${lines.map((line) => `${line}\t\x14`).join("")}\x07`);
  const end = await runProgram(typing(join(tools, "keys"), ["zsh", "-i"]), { cwd: folder, env }, 90_000);
  const text = await Bun.file(offers).text();
  return end.code === 0 ? text : text + end.stdout;
}

/** What a terminal shows where each of `lines` is typed in bash and sent off: the programs print `GOT<WORDS>`. */
export async function typedInBash({ folder, env }: Desk, lines: readonly string[]): Promise<string> {
  const tools = env.TOOLS as string;
  writeFileSync(
    join(tools, "bashrc"),
    `
source $TOOLS/dync.bash
source $TOOLS/dync-server.bash
dync() { if [[ $1 == completions ]]; then command dync "$@"; else echo "GOT<$*>"; fi; }
dync-server() { dync "$@"; }
bind 'set bell-style none'
PS1='READY> '
`,
  );
  writeFileSync(join(tools, "keys"), `${lines.map((line) => `${line}\r`).join("")}exit\r`);
  const shell = ["bash", "--noprofile", "--rcfile", join(tools, "bashrc"), "-i"];
  const { stdout } = await runProgram(typing(join(tools, "keys"), shell), { cwd: folder, env }, 60_000);
  return stdout;
}

/** Runs `command` on a terminal, and types what is in `keys` when it is ready. */
function typing(keys: string, command: readonly string[]): readonly string[] {
  return ["/usr/bin/python3", "-B", join(import.meta.dir, "type_keys.py"), "READY> ", keys, ...command];
}

// Stands in for schtasks.exe under wine, whose own knows no more than to make and to delete tasks: keeps each task in a folder beside it, in
// the form that Windows has it, and starts and ends what is in it. Like the one of a German Windows it says what it says in German. Nothing
// is started by itself: a test does that with /Run, which as on Windows is ignored while the task runs.

import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const args = process.argv.slice(2);
const has = (option: string): boolean => args.some((it) => it.toLowerCase() === option.toLowerCase());
const wordAfter = (option: string): string =>
  args[args.findIndex((it) => it.toLowerCase() === option.toLowerCase()) + 1] ?? "";
const folder = join(dirname(process.execPath), "stand-in-tasks");
const task = wordAfter("/TN");
const file = join(folder, `${task}.xml`);
const pidFile = join(folder, `${task}.pid`);
const consoleFile = join(folder, `${task}.console`);

mkdirSync(folder, { recursive: true });
if (has("/Create")) create();
else if (!existsSync(file)) fail("Das System kann die angegebene Datei nicht finden.");
else if (has("/Query")) process.stdout.write(`\r\n${definition()}\r\n`);
else if (has("/Change")) change(!has("/DISABLE"));
else if (has("/Run")) start();
else if (has("/End")) end();
else if (has("/Delete")) for (const it of [file, pidFile, consoleFile]) rmSync(it, { force: true });
else fail("Ungültige Syntax.");

function fail(text: string): never {
  process.stderr.write(`FEHLER: ${text}\r\n`);
  process.exit(1);
}

function definition(): string {
  return readFileSync(file, "utf16le").replace(/^\ufeff/, "");
}

function create(): void {
  const bytes = readFileSync(wordAfter("/XML"));
  if (bytes[0] !== 0xff || bytes[1] !== 0xfe) fail("Die Aufgaben-XML ist falsch codiert.");
  writeFileSync(file, bytes);
}

function change(isEnabled: boolean): void {
  const without = definition().replace(/(<Settings>[\s\S]*?)\s*<Enabled>\w+<\/Enabled>/, "$1");
  const text = without.replace("<Settings>", `<Settings>\r\n    <Enabled>${isEnabled}</Enabled>`);
  writeFileSync(file, Buffer.from(`\ufeff${text}`, "utf16le"));
}

function isRunning(): boolean {
  if (!existsSync(pidFile)) return false;
  try {
    return process.kill(Number(readFileSync(pidFile, "utf8")), 0);
  } catch {
    return false;
  }
}

function start(): void {
  if (/<Enabled>false<\/Enabled>/.test(definition())) fail("Die Aufgabe ist deaktiviert.");
  if (isRunning()) return;
  const program = element("Command").replace(/^"(.*)"$/, "$1");
  const log = openSync(consoleFile, "a");
  const child = spawn(program, [element("Arguments")], {
    ...{ detached: true, windowsVerbatimArguments: true },
    stdio: ["ignore", log, log],
  });
  child.unref();
  writeFileSync(pidFile, `${child.pid}`);
  closeSync(log);
}

function end(): void {
  if (isRunning()) process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
}

function element(name: string): string {
  const text = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(definition())?.[1] ?? "";
  const characters: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return text.replace(/&(\w+);/g, (all, it: string) => characters[it] ?? all);
}

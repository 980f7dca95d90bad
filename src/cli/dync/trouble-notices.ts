// Tells a person of what a watched folder needs one for: the program or the URL of `--on-trouble`, and a notice on the desktop where
// the system has a tool for it. What comes close together is told at once. That nobody could be told is said, and stops nothing.

import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import * as v from "valibot";
import type { CancelTimer, Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { replaceFile } from "../../base/replace-file.ts";
import { post } from "../../hooks/run/post.ts";
import { runProgram } from "../../hooks/run/program.ts";
import { type Trouble, TroubleBook } from "../../watch/troubles.ts";
import type { Environment } from "../command.ts";
import { optionText } from "../option-value.ts";
import { jsonLine, printable } from "../printable.ts";
import { version } from "../version.ts";

/** What `--on-trouble` names. */
export type TroubleTarget =
  | { readonly type: "url"; readonly url: string }
  | { readonly type: "program"; readonly path: string };

/** Throws `DyncError` ("usage"). */
export function readTroubleTarget(text: string | undefined): TroubleTarget | null {
  if (text === undefined) return null;
  if (isUrl(text)) {
    if (URL.canParse(text)) return { type: "url", url: text };
    throw new DyncError("usage", `${optionText("on-trouble")} needs a URL, found "${printable(text)}"`);
  }
  const path = resolve(text);
  if (existsSync(path)) return { type: "program", path };
  const hint = "name a program by its path, without arguments, or a URL: https://…";
  const message = `${optionText("on-trouble")} names "${printable(text)}", which is not there`;
  throw new DyncError("usage", message, { hint });
}

/** Whether it names a URL, and no program. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

const timeoutMs = 30_000;
// What comes with one look is one notice, and not more than one a minute.
const gatherMs = 2_000;
const pauseMsMin = 60_000;
const listedMax = 100;
// A drive, or a server, that is away for so long does not come back by itself.
const folderAwayMs = 15 * 60_000;
const serverAwayMs = 60 * 60_000;

export interface NoticesOptions {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly target: TroubleTarget | null;
  readonly isDesktopTold: boolean;
  readonly folder: string;
  /** As people write it. */
  readonly server: string;
  /** Folder in which is kept what was told. */
  readonly state: string;
  readonly onFailed: (text: string) => void;
}

export class TroubleNotices implements AsyncDisposable {
  readonly #options: NoticesOptions;
  readonly #file: string;
  readonly #book: TroubleBook;
  #waiting: Trouble[] = [];
  /** What was new last. */
  last: { readonly at: string; readonly text: string } | null = null;
  #cancel: CancelTimer | null = null;
  #notBefore = Number.NEGATIVE_INFINITY;
  #telling: Promise<void> = Promise.resolve();
  readonly #away = new Map<"not-reachable" | "retrying", CancelTimer>();
  readonly #stop = new AbortController();

  constructor(options: NoticesOptions) {
    this.#options = options;
    this.#file = join(options.state, "told.json");
    this.#book = new TroubleBook(readTold(this.#file));
    // Who begins to watch a folder has found it.
    this.#isBack("not-reachable");
  }

  note(trouble: Trouble): void {
    if (trouble.reason === "retrying") return this.#later(trouble, serverAwayMs);
    if (!this.#book.isNew(trouble)) return;
    this.#add(trouble, gatherMs);
  }

  /** The server has an entry. */
  sent(path: string): void {
    this.#isBack("retrying");
    if (this.#book.isOver(path)) this.#keep();
  }

  /** The folder cannot be looked at, and why; `null`: it can be again. */
  lost(detail: string | null): void {
    if (detail === null) this.#isBack("not-reachable");
    else this.#later({ path: null, reason: "not-reachable", detail }, folderAwayMs);
  }

  /** It is told with what comes within `gatherMs`, and no earlier than the last notice allows. */
  #add(trouble: Trouble, gatherMs: number): void {
    const { clock } = this.#options;
    this.#keep();
    this.#waiting.push(trouble);
    this.last = { at: clock.date().toISOString(), text: this.#headline([trouble]) };
    const delayMs = Math.max(gatherMs, this.#notBefore - clock.now());
    if (delayMs <= 0) this.#tell();
    else this.#cancel ??= clock.after(delayMs, () => this.#tell());
  }

  #later({ reason, detail }: Trouble, afterMs: number): void {
    if (reason !== "not-reachable" && reason !== "retrying") return;
    if (this.#away.has(reason)) return;
    const tell = (): void => {
      if (this.#book.isNew({ path: null, reason, detail })) this.#add({ path: null, reason, detail }, 0);
    };
    this.#away.set(reason, this.#options.clock.after(afterMs, tell));
  }

  #isBack(reason: "not-reachable" | "retrying"): void {
    this.#away.get(reason)?.();
    this.#away.delete(reason);
    if (this.#book.isOver(null, [reason])) this.#keep();
  }

  #tell(): void {
    this.#cancel?.();
    this.#cancel = null;
    const troubles = this.#waiting;
    this.#waiting = [];
    if (troubles.length === 0) return;
    this.#notBefore = this.#options.clock.now() + pauseMsMin;
    this.#telling = this.#telling.then(() => this.#tellAll(troubles));
  }

  async #tellAll(troubles: readonly Trouble[]): Promise<void> {
    const { target, isDesktopTold, onFailed } = this.#options;
    if (target !== null) {
      const failure = await this.#tellTarget(target, this.#text(troubles)).catch(() => null);
      if (failure !== null) onFailed(`Nobody could be told of trouble by --on-trouble: ${failure}`);
    }
    const desktop = isDesktopTold ? desktopNotice(this.#headline(troubles), this.#options) : null;
    if (desktop !== null) await this.#run(desktop.command, "", desktop.variables).catch(() => null);
  }

  async #tellTarget(target: TroubleTarget, text: string): Promise<string | null> {
    if (target.type === "program") return await this.#run([target.path], text, {});
    const headers = { "Content-Type": "application/json", "User-Agent": `dync ${version}` };
    const how = { answerBytesMax: 0, timeoutMs, signal: this.#stop.signal, clock: this.#options.clock };
    return (await post({ url: target.url, headers, body: text, ...how })).failure;
  }

  async #run(
    command: readonly [string, ...string[]],
    input: string,
    more: Readonly<Record<string, string>>,
  ): Promise<string | null> {
    const { clock, environment: all } = this.#options;
    const own = Object.entries(all).filter((it): it is [string, string] => it[1] !== undefined);
    const environment = { ...Object.fromEntries(own), ...more };
    const how = { outputBytesMax: 0, timeoutMs, signal: this.#stop.signal, clock };
    return (await runProgram({ command, environment, input, ...how })).failure;
  }

  #text(troubles: readonly Trouble[]): string {
    const { folder, server, clock } = this.#options;
    const listed = troubles
      .slice(0, listedMax)
      .map(({ path, ...rest }) => (path === null ? rest : { path, ...rest }));
    const about = { folder, server, host: hostname(), at: clock.date().toISOString() };
    return `${jsonLine({ schema: 1, type: "trouble", ...about, count: troubles.length, troubles: listed })}\n`;
  }

  #headline([first, ...others]: readonly Trouble[]): string {
    const { path = null, reason = "other", detail = "" } = first ?? {};
    const more = others.length === 0 ? "" : `, and ${others.length} more`;
    return printable(`${path ?? this.#options.folder}: ${detail === "" ? reason : detail}${more}`).slice(
      0,
      300,
    );
  }

  #keep(): void {
    try {
      replaceFile(this.#file, JSON.stringify(this.#book.told));
    } catch {
      // Then it is told once more after a restart.
    }
  }

  /** Tells what waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const cancel of this.#away.values()) cancel();
    this.#tell();
    await this.#telling;
  }
}

function readTold(file: string): readonly string[] {
  try {
    return v.parse(v.array(v.string()), JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return [];
  }
}

interface DesktopNotice {
  readonly command: readonly [string, ...string[]];
  readonly variables: Readonly<Record<string, string>>;
}

const title = "dync needs somebody";
// The text is in a variable: nothing of it is read as a script.
const toast = `
$m = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$t = $m::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$n = $t.GetElementsByTagName('text')
[void]$n.Item(0).AppendChild($t.CreateTextNode($env:DYNC_NOTICE_TITLE))
[void]$n.Item(1).AppendChild($t.CreateTextNode($env:DYNC_NOTICE_TEXT))
$id = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
$m::CreateToastNotifier($id).Show([Windows.UI.Notifications.ToastNotification]::new($t))
`;

/** What shows `text` on the desktop of this system; `null`: nothing does. */
function desktopNotice(text: string, { environment }: NoticesOptions): DesktopNotice | null {
  const variables = {};
  if (process.platform === "darwin") {
    const script = [
      "on run argv",
      "display notification (item 1 of argv) with title (item 2 of argv)",
      "end run",
    ];
    const lines = script.flatMap((it) => ["-e", it]);
    return { command: ["/usr/bin/osascript", ...lines, text, title], variables };
  }
  if (process.platform === "win32") {
    const program = `${environment.SystemRoot ?? "C:\\Windows"}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
    const told = { DYNC_NOTICE_TITLE: title, DYNC_NOTICE_TEXT: text };
    return existsSync(program)
      ? { command: [program, "-NoProfile", "-NonInteractive", "-Command", toast], variables: told }
      : null;
  }
  const folder = (environment.PATH ?? "")
    .split(":")
    .find((it) => it.startsWith("/") && existsSync(`${it}/notify-send`));
  if (folder === undefined) return null;
  const markup = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return { command: [`${folder}/notify-send`, "--app-name=dync", "--", title, markup], variables };
}

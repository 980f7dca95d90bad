// The configuration of a server that runs: taken anew when somebody asks for it, as a whole or not at all. What counts only at a
// start is told, and stays as it is.

import type { Alarm } from "../../alarms/alarm.ts";
import { DyncError, SeveralErrors } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";
import {
  type ProcessSettings,
  type RulesOf,
  rulesFor,
  type UserRules,
} from "../../config/server-settings.ts";
import type { Setting } from "../../config/setting.ts";
import type { ProxySignIn } from "../../config/sign-in-table.ts";
import type { Hook } from "../../hooks/hook.ts";
import { type Configuration, type KnownTexts, keyOf, settingRows, settingValue } from "./configuration.ts";
import { type NamedTable, namedTables, namesText } from "./named-tables.ts";

/** A setting that is to be another, both as they are written. */
export interface SettingChange {
  readonly setting: string;
  readonly from: string;
  readonly to: string;
}

/** What came of a reload. */
export type Reload =
  | {
      readonly outcome: "taken";
      /** What is different from now on. */
      readonly changed: readonly SettingChange[];
      /** What will be at the next start. */
      readonly needsRestart: readonly SettingChange[];
      readonly warnings: readonly string[];
    }
  | {
      /** Nothing is different. */
      readonly outcome: "refused";
      readonly faults: readonly { readonly message: string; readonly hint?: string | undefined }[];
    };

/** What is read again. */
export interface Reloading {
  /** What files said, where it is not what they say now that is meant. */
  readonly texts?: KnownTexts;
  /** Is done before anything of it is taken. Where it rejects with a `DyncError`, nothing is. */
  readonly commit?: () => Promise<void>;
}

export class RunningConfiguration {
  readonly home: string;
  /** What was taken last. Of its settings those count that are in `#settings`. */
  #taken: Configuration;
  readonly #read: (texts?: KnownTexts) => Promise<Configuration>;
  readonly #settings: { -readonly [Key in keyof ProcessSettings]: ProcessSettings[Key] };
  /** The rules of each user who sent something, until they change: there are no more users than keys. */
  readonly #rulesByUser = new Map<string, UserRules>();
  /** The reload that was asked for last: the next one begins when it is over. */
  #reloading: Promise<unknown> = Promise.resolve();

  /** `first` is what the server starts with; `read` rejects with a `DyncError` where what is there now is wrong. */
  constructor(first: Configuration, read: (texts?: KnownTexts) => Promise<Configuration>) {
    this.home = first.home;
    this.#taken = first;
    this.#read = read;
    this.#settings = { ...first.settings };
  }

  /** What holds now: the same object always, in which the settings that may change do. */
  get settings(): ProcessSettings {
    return this.#settings;
  }

  readonly rulesOf: RulesOf = (user) => {
    const { rules, limits } = this.#taken;
    if (limits.length === 0) return rules;
    const known = this.#rulesByUser.get(user);
    if (known !== undefined) return known;
    const own = rulesFor(rules, limits, user);
    this.#rulesByUser.set(user, own);
    return own;
  };

  /** SHA-256, lower-case hex, of all that is configured: another one whenever something is another. */
  get digest(): string {
    const settings = settingRows.map((row) => [row.name, row.kind.write(settingValue(row, this.#now))]);
    const tables = namedTables(this.#taken).map(({ digest }) => digest);
    return sha256Hex(JSON.stringify([settings, tables]));
  }

  /** Whether some user may send what is more urgent than usual. */
  readonly mayHurry = (): boolean => this.#taken.limits.some(({ priority }) => priority === "high");

  readonly hooksOf = (): readonly Hook[] => this.#taken.hooks;

  readonly signInOf = (): ProxySignIn | null => this.#taken.signIn;

  readonly alarmsOf = (): readonly Alarm[] => this.#taken.alarms;

  /** Names of the groups that `user` is in, in their order. */
  readonly groupsOf = (user: string): readonly string[] =>
    Object.entries(this.#taken.groups)
      .filter(([, patterns]) => patterns.some((matches) => matches(user)))
      .map(([name]) => name);

  /** What its files said that was taken last. */
  get texts(): Required<KnownTexts> {
    return this.#taken.texts;
  }

  get #now(): Configuration {
    return { ...this.#taken, settings: this.#settings };
  }

  /** Reads all again, takes what may change, and says in the log what that is. */
  reload(logger: Logger, reloading: Reloading = {}): Promise<Reload> {
    const reload = this.#reloading.then(() => this.#tell(logger, reloading));
    this.#reloading = reload.catch(() => {});
    return reload;
  }

  async #tell(logger: Logger, reloading: Reloading): Promise<Reload> {
    const reload = await this.#reload(reloading);
    if (reload.outcome === "refused") {
      for (const { message, hint } of reload.faults)
        logger.log("error", "A fault in the configuration", { reason: message, hint });
      logger.log("error", "The configuration is not taken: the one before stays", { file: this.#taken.file });
      return reload;
    }
    for (const warning of reload.warnings) logger.log("warn", warning);
    for (const { setting, from, to } of reload.changed)
      logger.log("info", "Setting changed", { setting, from, to });
    for (const { setting, from, to } of reload.needsRestart)
      logger.log("warn", "Setting needs a restart, and stays until then", { setting, from, to });
    logger.log("info", "Configuration read again", {
      file: this.#taken.file,
      changed: reload.changed.length,
    });
    return reload;
  }

  async #reload({ texts, commit }: Reloading): Promise<Reload> {
    let next: Configuration;
    try {
      next = await this.#read(texts);
      // An editor may be about to write it; who wants the defaults leaves an empty one.
      if (this.#taken.file !== null && next.file === null)
        throw new DyncError(
          "configuration",
          `The configuration file ${this.#taken.file} is not there any more`,
        );
      await commit?.();
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      return refused(error);
    }
    const now = this.#now;
    const textIn = (row: Setting<unknown>, configuration: Configuration): string =>
      row.kind.write(settingValue(row, configuration));
    const different = settingRows.filter((it) => textIn(it, now) !== textIn(it, next));
    const change = (row: Setting<unknown>): SettingChange => ({
      setting: row.name,
      from: textIn(row, now),
      to: textIn(row, next),
    });
    const changed = [...different.filter((it) => it.isLive).map(change), ...tableChanges(now, next)];
    const needsRestart = different.filter((it) => !it.isLive).map(change);
    this.#take(next, different);
    return { outcome: "taken", changed, needsRestart, warnings: next.warnings };
  }

  #take(next: Configuration, different: readonly Setting<unknown>[]): void {
    const keys = different.filter((it) => it.isLive && it.scope === "process").map(keyOf);
    const live = Object.entries(next.settings).filter(([key]) => keys.includes(key));
    Object.assign(this.#settings, Object.fromEntries(live));
    this.#taken = next;
    this.#rulesByUser.clear();
  }
}

/** What is told where nothing is taken, for this. */
export function refused(error: DyncError): Reload {
  const all = error instanceof SeveralErrors ? error.all : [error];
  return { outcome: "refused", faults: all.map(({ message, hint }) => ({ message, hint })) };
}

function tableChanges(now: Configuration, next: Configuration): readonly SettingChange[] {
  const before = namedTables(now);
  return namedTables(next).flatMap((table, index) => {
    const old = before[index] as NamedTable;
    if (table.digest === old.digest) return [];
    const [from, to] = [namesText(old), namesText(table)];
    return [{ setting: table.name, from, to: to === from ? `${to}, with other words` : to }];
  });
}

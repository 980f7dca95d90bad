// Brings the settings of this server that it shares, and those of the others, together: what is written at one, and asked to be read there, counts at
// all. A server takes part whose DYNC_HOME has a file for them.

import type { CancelTimer, Clock } from "../../base/clock.ts";
import { DyncError, SeveralErrors } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { ToldTrouble } from "../../base/told-trouble.ts";
import { within } from "../../base/within.ts";
import type { LookCause, Servers, SettingsText, SharedSettings } from "../../catalogue/servers.ts";
import { mergeSettings, type SharedVersion } from "../../config/shared-settings.ts";
import { printable } from "../printable.ts";
import { type SharedText, sharedFile } from "./configuration-files.ts";
import { type Reload, type Reloading, type RunningConfiguration, refused } from "./running-configuration.ts";
import {
  keepSharedState,
  putSharedFileAside,
  readSharedState,
  type SharedState,
  sharedFileText,
  writeSharedFile,
} from "./shared-state.ts";

export interface SettingsSharingParts {
  readonly home: string;
  readonly settings: SharedSettings;
  readonly servers: Pick<Servers, "tell">;
  /** Of this machine. */
  readonly name: string;
  readonly configuration: Pick<RunningConfiguration, "reload" | "texts">;
  readonly clock: Clock;
  readonly logger: Logger;
}

// What is told may be lost.
const lookEveryMs = 30_000;
// Who asks for a reload does not wait for as long as uploads wait for a database.
const answerMs = 5_000;

export class SettingsSharing implements AsyncDisposable {
  readonly #parts: SettingsSharingParts;
  readonly #trouble: ToldTrouble;
  /** Hears what came of it when the settings of others are taken, or cannot be. */
  onReload: (reload: Reload) => void = () => {};
  #working: Promise<unknown> = Promise.resolve();
  #cancel: CancelTimer = () => {};
  #isOver = false;
  /** The version that could not be taken, which is not tried again and again. */
  #refused = 0;

  constructor(parts: SettingsSharingParts) {
    this.#parts = parts;
    this.#trouble = new ToldTrouble(parts.logger, {
      begins: "Settings of the other servers cannot be looked up",
      ends: "Settings are looked up at the other servers again",
    });
  }

  /**
   * Takes what the others have, or gives them what was written here, before anybody is served; and looks again and again from then on.
   *
   * @throws DyncError with what is wrong with the settings of the others, where this server has no earlier ones to go by.
   */
  async begin(): Promise<void> {
    try {
      await this.#inTurn(() => this.#begin());
    } finally {
      this.#wait();
    }
  }

  /** Something changed at another server, or may have. Never rejects. */
  async changed(by: LookCause): Promise<void> {
    await this.#inTurn(() => this.#takeNewest(by).then(() => this.#trouble.over())).catch((error) =>
      this.#trouble.met(error),
    );
  }

  /** Reads the files again, gives the others what is new in the shared one, and takes all of it or nothing. */
  reload(): Promise<Reload> {
    return this.#inTurn(() => this.#reload());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    await this.#working;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#working.then(work);
    this.#working = done.catch(() => {});
    return done;
  }

  #wait(): void {
    if (this.#isOver) return;
    const look = (): void => void this.changed("poll").then(() => this.#wait());
    this.#cancel = this.#parts.clock.after(lookEveryMs, look);
  }

  async #begin(): Promise<void> {
    const { home, logger } = this.#parts;
    const own = sharedFileText(home);
    const state = readSharedState(home);
    if (own === null) {
      if (state.same !== null)
        logger.log("warn", "This server shares no settings any more: its file for them is gone", {
          file: sharedFile(home),
        });
      return;
    }
    const shared = await this.#newest();
    const merge = mergeSettings(state.same, own, shared);
    if (merge.type === "share" && (await this.#put(own, shared)) === null) return await this.#begin();
    if (merge.type === "same") {
      const { version, text } = merge.shared;
      keepSharedState(home, { same: { version, text }, taken: state.taken });
    }
    if (merge.type === "conflict") {
      const fault = this.#putAside(shared as SettingsText, state);
      logger.log("error", fault.message, { hint: fault.hint });
    }
    await this.#takeNewest("start");
  }

  /** Goes by what all have, where that is another one than this server goes by. */
  async #takeNewest(by: LookCause): Promise<void> {
    const { home, configuration, logger } = this.#parts;
    if (this.#isOver || sharedFileText(home) === null) return;
    const newest = await this.#newest();
    const state = readSharedState(home);
    if ((newest?.version ?? 0) < (state.same?.version ?? 0)) return await this.#bringBack(newest, state);
    if (newest === null || newest.version === this.#refused) return;
    const isTaken =
      newest.text === configuration.texts.shared?.text && newest.version === state.taken?.version;
    if (!isTaken) {
      // What somebody writes into the server's own file just now waits until somebody asks for it.
      const { own } = configuration.texts;
      const reload = await configuration.reload(logger, { texts: { own, shared: taken(newest) } });
      if (reload.outcome === "refused") return this.#refuse(newest, state, reload);
      this.#isTaken(newest);
      this.onReload(reload);
    }
    this.#follow(newest, by);
  }

  /** A catalogue that was put back to an earlier state gets what was the same before. */
  async #bringBack(newest: SettingsText | null, { same, taken: before }: SharedState): Promise<void> {
    if (same === null) return;
    if (newest?.text !== same.text) return void (await this.#put(same.text, newest));
    const { version, text } = newest;
    keepSharedState(this.#parts.home, { same: { version, text }, taken: before });
  }

  /** Throws `DyncError` where there is nothing else to go by. */
  #refuse(newest: SettingsText, state: SharedState, reload: Extract<Reload, { outcome: "refused" }>): void {
    const { logger } = this.#parts;
    this.#refused = newest.version;
    logger.log("error", "The settings of the other servers cannot be taken here: those of before stay", {
      version: newest.version,
      server: newest.server,
    });
    if (state.taken === null) throw severalErrors(reload.faults);
    this.onReload(reload);
  }

  #isTaken({ version, text }: SharedVersion): void {
    const { home } = this.#parts;
    const { same } = readSharedState(home);
    keepSharedState(home, { same, taken: { version, text } });
    this.#refused = 0;
  }

  /** The file becomes what all have, unless somebody writes another one just now. */
  #follow({ version, text, server }: SettingsText, by: LookCause): void {
    const { home, logger } = this.#parts;
    const state = readSharedState(home);
    const own = sharedFileText(home);
    const merge = mergeSettings(state.same, own ?? "", { version, text });
    if (merge.type === "take") {
      writeSharedFile(home, text);
      logger.log("info", "Settings of the other servers are taken", { version, server, by });
    }
    if (merge.type !== "take" && merge.type !== "same") return;
    if (state.same?.version !== version) keepSharedState(home, { ...state, same: { version, text } });
  }

  async #reload(): Promise<Reload> {
    const { home, configuration, logger } = this.#parts;
    try {
      const own = sharedFileText(home);
      const state = readSharedState(home);
      if (own === null && state.same === null) return await this.#take({ texts: { shared: null } });
      if (own === null) throw gone(home);
      const shared = await this.#newestFor(own, state);
      if (shared === undefined) return await this.#take({ texts: { shared: configuration.texts.shared } });
      const merge = mergeSettings(state.same, own, shared);
      if (merge.type === "conflict") {
        void this.changed("own change");
        throw this.#putAside(shared as SettingsText, state);
      }
      if (merge.type !== "share") {
        const reload = await this.#take({ texts: { shared: taken(merge.shared) } });
        if (reload.outcome === "taken" && shared !== null) {
          this.#isTaken(shared);
          this.#follow(shared, "own change");
        }
        return reload;
      }
      const commit = async (): Promise<void> => {
        if ((await this.#put(own, shared)) === null)
          throw new DyncError("configuration", "Another server shared settings in this moment", {
            hint: "reload once more",
          });
      };
      return await this.#take({ texts: { shared: { text: own, isTaken: false } }, commit });
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      const { message: reason, hint } = error;
      logger.log("error", "The configuration is not taken: the one before stays", { reason, hint });
      return refused(error);
    }
  }

  #take(reloading: Reloading): Promise<Reload> {
    return this.#parts.configuration.reload(this.#parts.logger, reloading);
  }

  #newest(): Promise<SettingsText | null> {
    const { clock, settings } = this.#parts;
    return within(clock, answerMs, settings.newest(), () => {
      throw new DyncError("not-ready", "The server's catalogue does not answer");
    });
  }

  /** `undefined`: that cannot be looked up, and is not needed, as the file is as it was. */
  async #newestFor(own: string, { same }: SharedState): Promise<SettingsText | null | undefined> {
    try {
      return await this.#newest();
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      if (own === same?.text) return undefined;
      const text = `${sharedFile(this.#parts.home)} was changed, and the other servers cannot be told: ${error.message}`;
      throw new DyncError("unavailable", printable(text), { cause: error, hint: "reload when they can" });
    }
  }

  /** Makes `text` what all have, behind `shared`. Returns its version, or `null`: somebody else was first. */
  async #put(text: string, shared: SettingsText | null): Promise<number | null> {
    const { home, settings, servers, name, clock, logger } = this.#parts;
    const at = clock.date().toISOString();
    const version = await settings.put(text, shared?.version ?? 0, { server: name, at });
    if (version === null) return null;
    keepSharedState(home, { same: { version, text }, taken: { version, text } });
    this.#refused = 0;
    servers.tell({ kind: "settings" });
    logger.log("info", "Settings are shared with the other servers", { version });
    return version;
  }

  /** What was written here makes way for what was shared meanwhile. Returns what is to be told. */
  #putAside({ version, text, server, at }: SettingsText, state: SharedState): DyncError {
    const { home } = this.#parts;
    const aside = putSharedFileAside(home);
    writeSharedFile(home, text);
    keepSharedState(home, { ...state, same: { version, text } });
    const message = `${sharedFile(home)} was changed here and, ${at}, on ${server}, which counts`;
    const hint = `what was written here is ${aside} now: bring it in, and reload`;
    return new DyncError("configuration", printable(message), { hint: printable(hint) });
  }
}

function taken({ text }: SharedVersion): SharedText {
  return { text, isTaken: true };
}

function gone(home: string): DyncError {
  const hint =
    "an empty one gets what the other servers have; to share nothing any more, remove shared.state as well";
  return new DyncError("configuration", printable(`${sharedFile(home)} is not there any more`), { hint });
}

function severalErrors(faults: Extract<Reload, { outcome: "refused" }>["faults"]): DyncError {
  const all = faults.map(({ message, hint }) => new DyncError("configuration", message, { hint }));
  const first = all[0] ?? new DyncError("configuration", "The settings of the other servers cannot be taken");
  return all.length > 1 ? new SeveralErrors(all, first) : first;
}

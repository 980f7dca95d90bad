// Notices when what a running server needs in `.dync` is taken away from under it: SQLite would go on writing into files
// that have no name any more, and a second server could start. A data folder that is away as a whole, such as a disk that
// was unmounted, may come back, and is waited for.

import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { DyncError, systemCode } from "../base/error.ts";
import type { Logger } from "../base/log.ts";

// Soon enough that little is recorded in vain, at the cost of four looks.
const lookEveryMs = 2000;

export interface StateWatchOptions {
  readonly dataFolder: string;
  /** What has to stay the same file; open in this process. */
  readonly files: readonly string[];
  /** What has to be there. */
  readonly folders: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

export class StateWatch implements Disposable {
  readonly #options: StateWatchOptions;
  readonly #device: bigint | null;
  readonly #identities: ReadonlyMap<string, string | null>;
  readonly #removed = Promise.withResolvers<never>();
  #cancel: CancelTimer = () => {};
  #isAway = false;
  #missing: string | null = null;

  private constructor(
    options: StateWatchOptions,
    device: bigint | null,
    identities: ReadonlyMap<string, string | null>,
  ) {
    this.#options = options;
    this.#device = device;
    this.#identities = identities;
    this.#removed.promise.catch(() => {});
    this.#lookLater();
  }

  /** Begins to watch what is there now. */
  static async begin(options: StateWatchOptions): Promise<StateWatch> {
    const identities = new Map<string, string | null>();
    for (const file of options.files) identities.set(file, identityOf(await lookAt(file)));
    return new StateWatch(options, (await lookAt(options.dataFolder))?.dev ?? null, identities);
  }

  /** Rejects with `DyncError` ("failed") when something was removed or replaced. */
  get removed(): Promise<never> {
    return this.#removed.promise;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #lookLater(): void {
    this.#cancel = this.#options.clock.after(lookEveryMs, () => {
      // Where looking fails there is nothing to be said.
      this.#look()
        .catch(() => {})
        .then(() => this.#lookLater());
    });
  }

  async #look(): Promise<void> {
    const missing = await this.#findMissing();
    const { dataFolder, log } = this.#options;
    // Whoever moves the data folder away and back may do so between two looks at its parts.
    const isAway = missing !== null && (await lookAt(dataFolder))?.dev !== this.#device;
    if (isAway !== this.#isAway) {
      this.#isAway = isAway;
      if (isAway)
        log.log("error", "The data folder is not there: uploads wait for it", { folder: dataFolder });
      else log.log("info", "The data folder is there again", { folder: dataFolder });
    }
    if (missing !== null && !isAway && missing === this.#missing) {
      const text = `${missing} was removed or replaced while the server ran: it stops, and the next start makes it anew`;
      this.#removed.reject(new DyncError("failed", text, { hint: "start dync-server again" }));
    }
    this.#missing = isAway ? null : missing;
  }

  async #findMissing(): Promise<string | null> {
    for (const folder of this.#options.folders) if (!(await lookAt(folder))?.isDirectory()) return folder;
    for (const [file, identity] of this.#identities) {
      if (identityOf(await lookAt(file)) !== identity) return file;
    }
    return null;
  }
}

async function lookAt(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return null;
    throw error;
  }
}

function identityOf(properties: BigIntStats | null): string | null {
  return properties === null ? null : `${properties.dev} ${properties.ino}`;
}

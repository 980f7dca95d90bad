// The foreign systems that this machine can run, built once per test file: Windows under wine, Linux arm64 under qemu.
// Where one cannot be run, `reasonAgainst` says why, for the name of a skipped test.

import { qemuIsMissing } from "./qemu.ts";
import { arm64System, type System, thisSystem, windowsSystem } from "./systems.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";
import { windowsLibraryMissing } from "./windows-library.ts";
import { Wine, wineIsMissing } from "./wine.ts";

export type SystemName = "here" | "windows-x64" | "linux-arm64";

const reasons: Record<SystemName, string | null> = {
  here: null,
  "windows-x64": wineIsMissing ?? windowsLibraryMissing,
  "linux-arm64": qemuIsMissing,
};

/** Why these systems cannot all be run here, or `null` when they can. */
export function reasonAgainst(...names: readonly SystemName[]): string | null {
  return names.map((name) => reasons[name]).find((reason) => reason !== null) ?? null;
}

/** The end of a test's name. */
export function because(reason: string | null): string {
  return reason === null ? "" : ` (skipped: ${reason})`;
}

/** Starts wine and builds executables as they are first asked for. */
export class ForeignSystems implements AsyncDisposable {
  readonly #systems = new Map<SystemName, Promise<System>>();
  #folder: Promise<TempFolder> | null = null;
  #wine: Wine | null = null;

  /** A system that `reasonAgainst` says nothing against. */
  get(name: SystemName): Promise<System> {
    const known = this.#systems.get(name);
    if (known !== undefined) return known;
    const system = this.#make(name);
    this.#systems.set(name, system);
    return system;
  }

  /** Of the Windows system, which must have been asked for. */
  get wine(): Wine {
    if (this.#wine === null) throw new Error("There is no Windows system yet");
    return this.#wine;
  }

  async #make(name: SystemName): Promise<System> {
    if (name === "here") return await thisSystem();
    this.#folder ??= tempFolder();
    const place = (await this.#folder).file(name);
    if (name === "linux-arm64") return await arm64System(place);
    this.#wine = await Wine.start();
    return await windowsSystem(this.#wine, place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#wine?.[Symbol.asyncDispose]();
    await (await this.#folder)?.[Symbol.asyncDispose]();
  }
}

// Under which name, and with which metadata, each file of a command is sent: what the options say of all, a row of a table of
// one, and the file beside it of that one. What is wrong with all of them together is found before anything is sent; what is
// wrong with one alone is that one's failure.

import { readFileSync, statSync } from "node:fs";
import { basename, resolve, sep } from "node:path";
import { DyncError } from "../../base/error.ts";
import type { JsonMember } from "../../base/json-text.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import type { Job } from "../../client/job.ts";
import type { Selection } from "../../client/listing/selection.ts";
import { NameTemplate } from "../../client/plan/name-template.ts";
import { overlaid } from "../../client/plan/overlay.ts";
import { RunsTable } from "../../client/plan/runs-table.ts";
import { TakenNames } from "../../client/plan/taken-names.ts";
import { datasetName } from "../../protocol/wire/stored-name.ts";
import { throwFaults } from "../command-line-error.ts";
import { loadMembers, metadataOf, readMetadataFile } from "../metadata-file.ts";
import { printable } from "../printable.ts";
import { datasetNameOnServer, nameOnServer } from "./name-on-server.ts";
import { readSelection } from "./selection-options.ts";
import type { SendValues } from "./send-options.ts";
import type { Paths } from "./send-paths.ts";
import { isThere, statsOf } from "./what-is-there.ts";

/** What a plan says of one upload. */
type Planned = Pick<Job, "origin" | "name" | "metadataText" | "fault" | "unpack">;

const sidecarSuffix = ".meta.json";
// A table of a hundred thousand runs.
const tableBytesMax = 64 * 1024 * 1024;
// So many are read at once.
const faultsShownMax = 20;

interface PlanOptions {
  readonly isMetadataNeeded?: boolean;
  readonly fields?: readonly JsonMember[] | undefined;
}

export class SendPlan {
  readonly #values: SendValues;
  readonly #isBatch: boolean;
  readonly #isMetadataNeeded: boolean;
  readonly #template: NameTemplate | null;
  readonly #table: RunsTable | null;
  readonly #shared: readonly JsonMember[];
  /** What is taken of each folder where datasets are sent. */
  readonly #selection: Selection | null;

  /**
   * `isBatch`: each file is told of by itself. `isMetadataNeeded`: what has none cannot be sent. `fields` are those that all else goes
   * over. Throws `DyncError`; reads standard input where `-m` says so.
   */
  constructor(
    values: SendValues,
    isBatch: boolean,
    { isMetadataNeeded = true, fields = [] }: PlanOptions = {},
  ) {
    const { meta, "key-value": pairs, "name-template": template, "metadata-from": table } = values;
    this.#values = values;
    this.#isBatch = isBatch;
    this.#isMetadataNeeded = isMetadataNeeded;
    this.#template = template === undefined ? null : new NameTemplate(template);
    this.#table = table === undefined ? null : new RunsTable(readTable(table));
    this.#shared = overlaid(fields, loadMembers(meta, pairs));
    this.#selection = values.dataset || values.live ? readSelection(values) : null;
  }

  /** Whether `path` is the metadata of a file beside it, and therefore no file to be sent. */
  isSidecar(path: string): boolean {
    if (!this.#values.sidecars || !this.#isBatch || !path.endsWith(sidecarSuffix)) return false;
    return isThere(path.slice(0, -sidecarSuffix.length));
  }

  /** Throws `DyncError` with everything that keeps the files or folders at `paths` from being sent together. */
  expectGood(paths: readonly string[]): void {
    const names = new TakenNames();
    const faults: DyncError[] = [];
    for (const path of paths) {
      this.#table?.note(slashed(path));
      try {
        const name = this.#nameOf(path);
        const other = names.take(name, path);
        const stored = this.#selection === null ? name : datasetName(name);
        if (other !== null) faults.push(sameName(stored, other, path));
      } catch (error) {
        if (!(error instanceof DyncError)) throw error;
        // Without a template it is a name that cannot be sent: that file's trouble.
        if (this.#template !== null) faults.push(error);
      }
    }
    throwFaults(shown([...this.#tableFaults(), ...faults]));
  }

  #tableFaults(): readonly DyncError[] {
    const { "metadata-from": file = "" } = this.#values;
    const faults = this.#table?.finish() ?? [];
    return faults.map(({ line, text, hint }) => {
      const place = line === null ? file : `${file}:${line}`;
      return new DyncError("usage", printable(`${place}: ${text}`), { hint });
    });
  }

  /** What is piped in. Throws `DyncError`. */
  input(): Planned {
    return {
      origin: { kind: "input" },
      name: nameOnServer(this.#values.name, null),
      metadataText: metadataOf(this.#shared),
    };
  }

  /** The file or folder at `path`. */
  file(path: string): Planned {
    const kind = this.#originOf(path);
    try {
      return { ...kind, name: this.#nameOf(path), metadataText: this.#metadataOf(path) };
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      return { ...kind, name: path, metadataText: "{}", fault: error };
    }
  }

  /** What lies in a folder and cannot be read: the job of it says so. */
  unreadable({ path, error }: Paths["unreadable"][number]): Planned {
    return { origin: { kind: "file", path }, name: basename(path), metadataText: "{}", fault: error };
  }

  #originOf(path: string): Pick<Job, "origin" | "unpack"> {
    if (this.#selection === null) return { origin: { kind: "file", path } };
    return { origin: { kind: "dataset", path, selection: this.#selection }, unpack: "tar" };
  }

  #nameOf(path: string): string {
    const name = this.#templateName(path) ?? this.#values.name;
    return this.#selection === null ? nameOnServer(name, path) : datasetNameOnServer(name, path);
  }

  #templateName(path: string): string | undefined {
    const stats = this.#template === null ? null : statsOf(path);
    // What is not there fails when its turn comes.
    if (this.#template === null || stats === null) return undefined;
    const { mtime: modified } = stats;
    return this.#template.nameOf({ path: resolve(path), isFolder: stats.isDirectory(), modified });
  }

  #metadataOf(path: string): string {
    if (!this.#isMetadataNeeded) return "{}";
    const rows = this.#table?.membersFor(slashed(path)) ?? [];
    const sidecar = `${path.replace(/[/\\]+$/, "")}${sidecarSuffix}`;
    const hasSidecar = this.#values.sidecars && isThere(sidecar);
    const own = hasSidecar ? readMetadataFile(sidecar) : [];
    const hint = this.#values.sidecars
      ? `write ${printable(sidecar)}, or give some with -m or -k`
      : undefined;
    return metadataOf(overlaid(overlaid(this.#shared, rows), own), hint);
  }
}

function sameName(name: string, other: string, path: string): DyncError {
  const [first, second] = [printable(other), printable(path)];
  if (first === second)
    return new DyncError("usage", `"${first}" is given twice`, { hint: "leave one of them away" });
  const hint = 'give them other names, as in --name-template "{parent}_{stem}{ext}"';
  return new DyncError("usage", `"${first}" and "${second}" would both be stored as "${printable(name)}"`, {
    hint,
  });
}

function readTable(path: string): Uint8Array {
  const shown = printable(path);
  try {
    const { size } = statSync(systemPathBytes(path));
    if (size > tableBytesMax)
      throw new DyncError(
        "usage",
        `The table "${shown}" has ${size} bytes, at most ${tableBytesMax} are read`,
      );
    return readFileSync(systemPathBytes(path));
  } catch (error) {
    if (error instanceof DyncError) throw error;
    throw new DyncError("usage", `Cannot read the table "${shown}": ${whyUnreadable(error)}`, {
      cause: error,
    });
  }
}

/** As tables write paths. */
function slashed(path: string): string {
  return resolve(path).split(sep).join("/");
}

/** The first of `faults`, and how many more there are. */
function shown(faults: readonly DyncError[]): readonly DyncError[] {
  const more = faults.length - faultsShownMax;
  if (more <= 0) return faults;
  const rest = new DyncError("usage", `${more} more of this kind are not shown`);
  return [...faults.slice(0, faultsShownMax), rest];
}

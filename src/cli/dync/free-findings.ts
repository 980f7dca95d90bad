// What came of `dync free`: counted, shown as it comes, and summed up.

import { formatSize, formatSizeExactly } from "../../base/size-text.ts";
import type { Kept } from "../../client/free/kept.ts";
import type { Proof, Proved } from "../../client/free/proof.ts";
import type { Removal } from "../../client/free/remove.ts";
import type { SentEntry } from "../../client/free/sent-below.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { BatchProgress } from "../batch-progress.ts";
import { type CommandContext, exitNotAll } from "../command.ts";
import { printable } from "../printable.ts";

export interface FreeOptions {
  readonly server: ServerChoice;
  readonly folder: string;
  readonly entries: readonly SentEntry[];
  readonly deletes: boolean;
}

/** What is told of one that is looked at. */
export interface FreeView {
  readonly onRead: (bytes: number, total: number | null) => void;
  found(proof: Proof): void;
  removed(proof: Proved, removal: Removal): void;
  failed(): void;
}

export class FreeFindings {
  readonly #options: FreeOptions;
  readonly #context: CommandContext;
  readonly #progress: BatchProgress;
  readonly #counts = { proved: 0, deleted: 0, kept: 0, gone: 0 };
  readonly #bytes = { provedBytes: 0, deletedBytes: 0, keptBytes: 0 };

  constructor(options: FreeOptions, context: CommandContext) {
    this.#options = options;
    this.#context = context;
    this.#progress = new BatchProgress({
      ...context,
      files: options.entries.length,
      bytes: null,
      linesEveryMs: null,
    });
  }

  get deletes(): boolean {
    return this.#options.deletes;
  }

  started(entry: SentEntry): FreeView {
    const view = this.#progress.open(printable(entry.path), null);
    let read = 0;
    const tell = (act: () => void): void => {
      view.stored(read, false);
      this.#progress.above(act);
    };
    return {
      onRead: (taken, total) => {
        read = taken;
        view.update({ taken, underWay: 0, total, waiting: null });
      },
      found: (proof) => tell(() => this.#tell(entry, proof)),
      removed: (proof, removal) => tell(() => this.#tellRemoved(entry, proof, removal)),
      failed: () => view.failed(),
    };
  }

  #tell(entry: SentEntry, proof: Proof): void {
    if (proof.type === "gone") this.#counts.gone += 1;
    else if (proof.type === "kept") this.#tellKept(entry, proof, 0);
    else {
      const { files, bytes } = proof;
      this.#counts.proved += 1;
      this.#bytes.provedBytes += bytes;
      this.#record(entry, { outcome: "proved", files, bytes });
      this.#show("free", entry, `  ${formatSize(bytes)}`);
    }
  }

  #tellRemoved(entry: SentEntry, { files, bytes }: Proved, removal: Removal): void {
    const { output } = this.#context;
    const { left, kept } = removal;
    this.#bytes.deletedBytes += removal.bytes;
    const stays = left.count === 0 ? {} : { left: left.items, leftCount: left.count };
    if (kept !== null) {
      return this.#tellKept(entry, kept, bytes - removal.bytes, { files: removal.files, ...stays });
    }
    this.#counts.deleted += 1;
    this.#record(entry, { outcome: "deleted", files, bytes, ...stays });
    this.#show("deleted", entry, `  ${formatSize(bytes)}`);
    if (left.count === 0) return;
    const others = left.count === 1 ? "" : `, and ${left.count - 1} more`;
    output.warn(
      `"${printable(entry.path)}" stays: what was not sent is in it, such as "${printable(left.items[0] ?? "")}"${others}`,
    );
  }

  #tellKept(entry: SentEntry, { reason, why }: Kept, bytes: number, more: object = {}): void {
    this.#counts.kept += 1;
    this.#bytes.keptBytes += bytes === 0 ? entry.bytes : bytes;
    this.#record(entry, { outcome: "kept", reason, message: why, bytes: entry.bytes, ...more });
    this.#context.output.result(`kept     ${printable(entry.path)}: ${printable(why)}`);
  }

  #record({ path, name, kind, id, sha256 }: SentEntry, fields: object): void {
    this.#context.output.record("sent", { path, name, kind, upload: id, sha256, ...fields });
  }

  /** What needs nobody's attention. */
  #show(what: string, { path }: SentEntry, end: string): void {
    const { output } = this.#context;
    if (!output.isQuiet) output.result(`${what.padEnd(8)} ${printable(path)}${end}`);
  }

  end(): void {
    this.#progress.end();
    const { output } = this.#context;
    const { server, folder, entries } = this.#options;
    const { proved, deleted, kept, gone } = this.#counts;
    const { provedBytes, deletedBytes, keptBytes } = this.#bytes;
    const notProved = entries.length - proved - deleted - kept - gone;
    const counts = { proved, deleted, kept, gone, notProved };
    output.summarise({ server: server.host, port: server.port, folder, ...counts, ...this.#bytes });
    if (entries.length === gone)
      return output.say(`Nothing that was sent from here to this server is in "${printable(folder)}" now`);
    const parts = [
      ...(this.deletes
        ? [`${deleted} deleted, ${formatSizeExactly(deletedBytes)} free now`]
        : [`${proved} may be deleted, ${formatSizeExactly(provedBytes)}`]),
      ...(kept > 0 ? [`${kept} kept, ${formatSizeExactly(keptBytes)}`] : []),
      ...(notProved > 0 ? [`${notProved} not looked at`] : []),
    ];
    output.say(parts.join("; "));
    if (!this.deletes && proved > 0)
      output.say("Nothing was deleted: --delete does that, after proving it again");
  }

  get status(): number {
    return this.#counts.kept === 0 ? 0 : exitNotAll;
  }
}

// `dync send --dry-run`: what would be sent, under which name and with which metadata, and what could not be. Nothing is sent, no
// server is asked, and nothing is written down.

import { basename } from "node:path";
import { DyncError, SeveralErrors } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { openFileSource, openRegularFile } from "../../client/file-source.ts";
import type { Job } from "../../client/job.ts";
import { type Listing, listFolder } from "../../client/listing/listing.ts";
import { withGoodNames } from "../../client/listing/tar-names.ts";
import { pathOf } from "../../client/origin.ts";
import { formatSize } from "../../config/size.ts";
import { nameFault } from "../../upload/names.ts";
import { type CommandContext, exitNotAll } from "../command.ts";
import type { Output } from "../output.ts";
import { JsonText, printable } from "../printable.ts";
import { otherNameHint } from "./name-on-server.ts";
import { shownName } from "./reporter.ts";

const sizeColumns = 9;
const linesAtOnce = 1000;

/** Shows what becomes of each of `jobs`. Resolves to the exit status; rejects with the reason where the only one cannot be sent. */
export async function dryRun(
  jobs: Iterable<Job>,
  isBatch: boolean,
  { output, signal }: Pick<CommandContext, "output" | "signal">,
): Promise<number> {
  const run = new DryRun(output);
  for (const job of jobs) {
    signal.throwIfAborted();
    try {
      await run.show(job, signal);
    } catch (error) {
      if (!(error instanceof DyncError) || signal.aborted || !isBatch) throw error;
      await run.refuse(job, error);
    }
  }
  await run.summarise();
  return run.refused === 0 ? 0 : exitNotAll;
}

class DryRun {
  readonly #output: Output;
  refused = 0;
  #planned = 0;
  /** `null` where that is not known of one. */
  #bytes: number | null = 0;
  #server = "";
  #metadata = "";

  constructor(output: Output) {
    this.#output = output;
  }

  /** Throws `DyncError` where it cannot be sent. */
  async show(job: Job, signal: AbortSignal): Promise<void> {
    const { origin, fault } = job;
    if (fault !== undefined) throw fault;
    expectGoodName(job);
    if (origin.kind === "file" && job.unpack !== undefined) await this.#showTar(origin.path, signal);
    if (origin.kind !== "dataset")
      return this.#plan(job, origin.kind === "file" ? await sizeOf(origin.path) : null);
    const { path: folder, selection } = origin;
    const listing = await listFolder({ folder, selection, known: null }, signal);
    listing.leftOut.tell((text) => this.#output.say(text));
    await this.#output.flush();
    this.#plan(job, listing.bytes, { files: listing.files });
    await this.#showMembers(job, listing);
  }

  #plan(job: Job, bytes: number | null, more: { readonly files?: number } = {}): void {
    const { name, metadataText } = job;
    const path = pathOf(job.origin) ?? "-";
    this.#planned += 1;
    this.#bytes = this.#bytes === null || bytes === null ? null : this.#bytes + bytes;
    this.#server = formatServerAddress(job);
    this.#output.record("file", {
      path,
      name,
      outcome: "planned",
      ...(bytes === null ? {} : { bytes }),
      ...more,
      metadata: new JsonText(metadataText),
    });
    if (metadataText !== this.#metadata) this.#output.result(`Metadata: ${printable(metadataText)}`);
    this.#metadata = metadataText;
    const shown = shownName(job);
    const renamed = basename(path) === shown ? "" : ` as "${printable(shown)}"`;
    const dataset =
      more.files === undefined ? "" : `, a dataset of ${more.files} ${more.files === 1 ? "file" : "files"}`;
    this.#output.result(`${sizeText(bytes)}  ${printable(path)}${renamed}${dataset}`);
  }

  async #showMembers({ name }: Job, listing: Listing): Promise<void> {
    const { tar } = listing;
    for (let index = 0; index < tar.count; index++) {
      const path = tar.path(index);
      const folder = tar.isFolder(index) ? "/" : "";
      const bytes = folder === "" ? { bytes: tar.size(index) } : {};
      this.#output.record("member", { dataset: name, path: `${path}${folder}`, ...bytes });
      const size = folder === "" ? sizeText(tar.size(index)) : " ".repeat(sizeColumns);
      this.#output.result(`${size}    ${printable(listing.at(path))}${folder}`);
      // A reader that is slow has not a million lines in our memory.
      if (index % linesAtOnce === 0) await this.#output.flush();
    }
    await this.#output.flush();
    this.#showBagFault(listing.bagFault());
  }

  /** Throws `DyncError` where what is in the tar cannot be a dataset. */
  async #showTar(path: string, signal: AbortSignal): Promise<void> {
    const tar = await withGoodNames(await openFileSource(path), `"${path}"`, signal);
    this.#showBagFault(tar.bagFault?.() ?? null);
    await tar.close();
  }

  #showBagFault(fault: DyncError | null): void {
    const all = fault instanceof SeveralErrors ? fault.all : fault === null ? [] : [fault];
    for (const { message } of all) this.#output.say(`Where the server makes bags: ${message}`);
  }

  // There are two streams, and one terminal: what was said first is to be read first.
  async refuse(job: Job, error: DyncError): Promise<void> {
    this.refused += 1;
    await this.#output.flush();
    const { code, message, hint } = error;
    const [path, name] = [pathOf(job.origin) ?? "-", job.name];
    this.#output.record("file", { path, name, outcome: "failed", code, message, hint });
    this.#output.error(error);
    await this.#output.flush();
  }

  async summarise(): Promise<void> {
    const { refused } = this;
    await this.#output.flush();
    const [planned, bytes] = [this.#planned, this.#bytes];
    this.#output.summarise({ planned, failed: refused, ...(bytes === null ? {} : { bytes }) });
    const size = bytes === null ? "" : `, ${formatSize(bytes)}`;
    const cannot = refused === 0 ? "" : `; ${refused} cannot be sent`;
    const what = planned === 1 ? "1 upload" : `${planned} uploads`;
    this.#output.say(`Nothing was sent: ${what}${size} would go to ${this.#server}${cannot}`);
  }
}

/** A server refuses it; `dync-server` by the same rule. */
function expectGoodName(job: Job): void {
  const name = shownName(job);
  const fault = nameFault(name);
  if (fault === null) return;
  throw new DyncError("forbidden", `"${name}" would be refused: ${fault}`, {
    hint: otherNameHint(name) ?? undefined,
  });
}

async function sizeOf(path: string): Promise<number> {
  const file = await openRegularFile(path);
  try {
    return Number((await file.stat({ bigint: true })).size);
  } finally {
    await file.close();
  }
}

function sizeText(bytes: number | null): string {
  return (bytes === null ? "?" : formatSize(bytes)).padStart(sizeColumns);
}

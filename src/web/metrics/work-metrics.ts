// What a server did, counted while it does it: of what it tells a meter, and of what it tells the audit log.

import { Counter, Histogram, type Registry } from "prom-client";
import type { AuditEvent } from "../../audit/audit.ts";
import { errorCodeFromWire } from "../../base/error.ts";
import type { Meter } from "../../server/meter.ts";

// From what a disk in memory takes to what a slow one does with a terabyte.
const publishSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

export class WorkMetrics implements Meter {
  readonly #storedBytes: Counter;
  readonly #downloadedBytes: Counter;
  readonly #published: Histogram;
  readonly #started: Counter;
  readonly #finished: Counter;
  readonly #finishedBytes: Counter;
  readonly #ended: Counter<"reason">;
  readonly #refused: Counter<"reason">;
  readonly #keysRefused: Counter;
  readonly #reloads: Counter<"outcome">;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) =>
      new Counter({ name: `dync_server_${name}`, help, registers });
    const counterBy = <L extends string>(name: string, help: string, label: L) =>
      new Counter({ name: `dync_server_${name}`, help, labelNames: [label], registers });
    this.#storedBytes = counter(
      "received_bytes_total",
      "Bytes of uploads that arrived and were stored, each counted once.",
    );
    this.#downloadedBytes = counter("downloaded_bytes_total", "Bytes of the client that were handed out.");
    this.#published = new Histogram({
      name: "dync_server_publish_duration_seconds",
      help: "From the last byte of an upload until it is durable under its name.",
      buckets: publishSeconds,
      registers,
    });
    this.#started = counter("uploads_started_total", "Uploads that were taken.");
    this.#finished = counter("uploads_finished_total", "Uploads that were stored whole.");
    this.#finishedBytes = counter("finished_bytes_total", "Bytes of the uploads that were stored whole.");
    this.#ended = counterBy(
      "uploads_failed_total",
      "Uploads that ended without being stored, by the reason.",
      "reason",
    );
    this.#refused = counterBy(
      "uploads_refused_total",
      "Uploads that were not taken, by the reason.",
      "reason",
    );
    this.#keysRefused = counter(
      "keys_refused_total",
      "Connections with a key that is not authorised, or expired.",
    );
    this.#reloads = counterBy(
      "reloads_total",
      "Times that the configuration was read again, by what came of it.",
      "outcome",
    );
    // What never happened is there as 0: an alarm on its rate would never see the first time.
    for (const outcome of ["done", "refused"]) this.#reloads.inc({ outcome }, 0);
    for (const reason of ["forbidden", "name-taken", "metadata-rejected", "no-space", "too-many-uploads"])
      this.#refused.inc({ reason }, 0);
    for (const reason of ["checksum-mismatch", "cancelled", "timed-out"]) this.#ended.inc({ reason }, 0);
  }

  stored(bytes: number): void {
    this.#storedBytes.inc(bytes);
  }

  downloaded(bytes: number): void {
    this.#downloadedBytes.inc(bytes);
  }

  published(seconds: number): void {
    this.#published.observe(seconds);
  }

  /** Counts something that the audit log is told. */
  count({ event, code, size }: AuditEvent): void {
    const reason = typeof code === "number" ? errorCodeFromWire(code) : "failed";
    switch (event) {
      case "admitted":
        return this.#started.inc();
      case "finished":
        this.#finished.inc();
        return this.#finishedBytes.inc(typeof size === "number" ? size : 0);
      case "failed":
      case "cancelled":
      case "expired":
        return this.#ended.inc({ reason });
      case "refused":
        return this.#refused.inc({ reason });
      case "key-refused":
        return this.#keysRefused.inc();
      case "reloaded":
        return this.#reloads.inc({ outcome: "done" });
      case "reload-refused":
        return this.#reloads.inc({ outcome: "refused" });
    }
  }
}

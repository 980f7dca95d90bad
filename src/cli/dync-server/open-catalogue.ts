// Opens the catalogue where the settings say it is: in a file beside the data, or in a PostgreSQL database.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { Catalogue, Owner } from "../../catalogue/catalogue.ts";
import type { Servers, SharedKeys, SharedPendingKeys, SharedSettings } from "../../catalogue/servers.ts";
import type { SharedAudit } from "../../catalogue/shared-audit.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import type { CompleteUpload } from "../../upload/upload.ts";
import { printable } from "../printable.ts";
import { version } from "../version.ts";
import { postgresOptions } from "./postgres-options.ts";
import { storageName } from "./storage-name.ts";

export interface CatalogueParts {
  readonly settings: ProcessSettings;
  /** Where SQLite's would be. */
  readonly file: string;
  /** What was published, for a catalogue that has to be made anew. */
  readonly published: () => AsyncIterable<CompleteUpload>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborts when the server is to stop: nobody waits for a database then. */
  readonly signal: AbortSignal;
}

export interface OpenCatalogue {
  readonly catalogue: Catalogue;
  /** What has to stay there as long as it is open. */
  readonly files: readonly string[];
  /** Rejects when it turned out damaged. */
  readonly damaged: Promise<never>;
  /** This server, as its records name it. */
  readonly owner: Owner;
  /** Those that share it, and what they share beside uploads; `null`: it is this server's alone. */
  readonly sharing: Sharing | null;
}

export interface Sharing {
  readonly servers: Servers;
  readonly keys: SharedKeys;
  readonly audit: SharedAudit;
  readonly settings: SharedSettings;
  readonly pendingKeys: SharedPendingKeys;
  /** This server, as the others know it; and its machine's name. */
  readonly id: string;
  readonly name: string;
}

// After so long without a word others take what a server works on. It says three times as often that it is alive.
const leaseMs = 15_000;

/** Opens it until `closing` ends. */
export async function openCatalogue(
  parts: CatalogueParts,
  closing: AsyncDisposableStack,
): Promise<OpenCatalogue> {
  return parts.settings.catalogue === null ? openSqlite(parts, closing) : openPostgres(parts, closing);
}

async function openSqlite(
  { file, published, logger: log, clock }: CatalogueParts,
  closing: AsyncDisposableStack,
): Promise<OpenCatalogue> {
  const { openSqliteCatalogue, rescueCatalogue } = await import("../../catalogue/sqlite.ts");
  const { promise: damaged, reject: onDamaged } = Promise.withResolvers<never>();
  // It may come before anybody waits for it.
  damaged.catch(() => {});
  const catalogue = await openSqliteCatalogue({ file, log, clock, onDamaged, published });
  closing.defer(() => catalogue.close());
  closing.defer(() => rescueCatalogue(catalogue, file, log));
  // The file is this process's alone: nobody has to be kept out.
  return { catalogue, files: [file], damaged, owner: { id: newId(), leaseMs: 0 }, sharing: null };
}

async function openPostgres(parts: CatalogueParts, closing: AsyncDisposableStack): Promise<OpenCatalogue> {
  const { settings, file, logger, signal } = parts;
  // Few sites want it: its code is read where one does.
  const { joinServers, openPostgresCatalogue } = await import("../../catalogue/postgres.ts");
  const { claimCatalogue, fillFromPublished } = await import("../../catalogue/postgres-owner.ts");
  const options = { ...postgresOptions(settings, parts), stopping: signal };
  const { catalogue, database, state, where } = await openPostgresCatalogue(options);
  closing.defer(() => catalogue.close());
  if (!state.isFilled && existsSync(file)) {
    const text = `This data folder has a catalogue in SQLite (${file}), and the one in PostgreSQL is empty, or old`;
    throw new DyncError("configuration", printable(text), {
      hint: "copy it with `dync-server catalogue copy --to postgres`, or move that file away",
    });
  }
  const isFilled = await claimCatalogue(database, await storageName(settings));
  logger.log("info", "The catalogue is in PostgreSQL", { database: where, version: state.version });
  if (!isFilled) {
    const uploads = await fillFromPublished(catalogue, database, parts.published());
    if (uploads > 0)
      logger.log("info", "The catalogue was made from the published files", { database: where, uploads });
  }
  const opened = { catalogue, files: [], damaged: new Promise<never>(() => {}) };
  // What lies on this machine's disk no other server can go on with.
  if (settings.storage === null) return { ...opened, owner: { id: newId(), leaseMs: 0 }, sharing: null };
  const owner = { id: newId(), leaseMs };
  const name = hostname();
  const servers = await joinServers(options, { ...owner, name, version });
  closing.defer(() => servers.leave());
  const [{ PostgresKeys }, { PostgresAudit }, { PostgresSettings }, { PostgresPendingKeys }] =
    await Promise.all([
      import("../../catalogue/postgres-keys.ts"),
      import("../../catalogue/postgres-audit.ts"),
      import("../../catalogue/postgres-settings.ts"),
      import("../../catalogue/postgres-pending-keys.ts"),
    ]);
  const shared = {
    keys: new PostgresKeys(database),
    audit: new PostgresAudit(database),
    settings: new PostgresSettings(database),
    pendingKeys: new PostgresPendingKeys(database),
  };
  return { ...opened, owner, sharing: { servers, ...shared, id: owner.id, name } };
}

function newId(): string {
  return randomBytes(8).toString("hex");
}

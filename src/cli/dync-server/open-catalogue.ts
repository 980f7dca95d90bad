// Opens the catalogue where the settings say it is: in a file beside the data, or in a PostgreSQL database.

import { existsSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { storageId } from "../../storage/storage-id.ts";
import type { CompleteUpload } from "../../upload/upload.ts";
import { printable } from "../printable.ts";
import { postgresOptions } from "./postgres-options.ts";

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
}

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
  return { catalogue, files: [file], damaged };
}

async function openPostgres(parts: CatalogueParts, closing: AsyncDisposableStack): Promise<OpenCatalogue> {
  const { settings, file, logger, signal } = parts;
  // Few sites want it: its code is read where one does.
  const { openPostgresCatalogue } = await import("../../catalogue/postgres.ts");
  const { claimCatalogue, fillFromPublished } = await import("../../catalogue/postgres-owner.ts");
  const { catalogue, database, state, where } = await openPostgresCatalogue({
    ...postgresOptions(settings, parts),
    stopping: signal,
  });
  closing.defer(() => catalogue.close());
  if (!state.isFilled && existsSync(file)) {
    const text = `This data folder has a catalogue in SQLite (${file}), and the one in PostgreSQL is empty, or old`;
    throw new DyncError("configuration", printable(text), {
      hint: "copy it with `dync-server catalogue copy --to postgres`, or move that file away",
    });
  }
  const isFilled = await claimCatalogue(database, await storageId(settings.dataFolder));
  logger.log("info", "The catalogue is in PostgreSQL", { database: where });
  if (!isFilled) {
    const uploads = await fillFromPublished(catalogue, database, parts.published());
    if (uploads > 0)
      logger.log("info", "The catalogue was made from the published files", { database: where, uploads });
  }
  return { catalogue, files: [], damaged: new Promise(() => {}) };
}

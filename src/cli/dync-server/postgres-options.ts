// How a server, or a command beside it, reaches the PostgreSQL database of its catalogue.

import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { PostgresOptions } from "../../catalogue/postgres.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";

/** How the database is reached that `settings` name; they name one. */
export function postgresOptions(
  settings: ProcessSettings,
  { logger: log, clock }: { readonly logger: Logger; readonly clock: Clock },
): PostgresOptions {
  const { catalogue, cataloguePasswordFile, catalogueWaitMs, catalogueConnections } = settings;
  if (catalogue === null) {
    throw new DyncError("configuration", "The settings name no database for the catalogue", {
      hint: "give --catalogue postgres://USER@HOST/DATABASE, or catalogue in server.toml",
    });
  }
  return {
    ...{ url: catalogue.url, passwordFile: cataloguePasswordFile, log, clock },
    ...{ waitMs: catalogueWaitMs, connectionsMax: catalogueConnections },
  };
}

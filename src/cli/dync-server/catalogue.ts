// `dync-server catalogue migrate`: the tables of a catalogue in PostgreSQL.

import { silentLogger } from "../../base/log.ts";
import type { PostgresOptions } from "../../catalogue/postgres.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { catalogueOptions, optionFaults, readWarned } from "./configuration.ts";
import { postgresOptions } from "./postgres-options.ts";
import { catalogueMigrateUsage } from "./usage-catalogue.ts";

const migrateOptions: OptionsDef = {
  ...sharedOptions,
  ...catalogueOptions,
  adopt: { type: "boolean" },
  json: { type: "boolean" },
};

export const catalogueMigrateCommand = defineCommand({
  name: "catalogue migrate",
  usage: catalogueMigrateUsage,
  options: migrateOptions,
  check: (line) => ({ misread: null, others: optionFaults(line) }),
  async run(values: OptionValues<OptionsDef>, context: CommandContext) {
    const { output, clock } = context;
    const { settings } = await readWarned(values, context);
    const { migratePostgres } = await import("../../catalogue/postgres.ts");
    const reached = postgresOptions(settings, { logger: silentLogger, clock });
    const { from, to, where } = await migratePostgres(reached);
    if (values.adopt) await adopt(reached, settings);
    output.summarise({ database: where, from, to });
    const what = from === to ? "is as it should be" : from === 0 ? "was made" : `was of version ${from}`;
    output.result(`The catalogue at ${where} ${what}: version ${to}`);
    return 0;
  },
});

/** Makes the catalogue one of what these settings store, whose it was. */
async function adopt(reached: PostgresOptions, settings: ProcessSettings): Promise<void> {
  const { openPostgresCatalogue } = await import("../../catalogue/postgres.ts");
  const { claimCatalogue } = await import("../../catalogue/postgres-owner.ts");
  const { storageName } = await import("./storage-name.ts");
  const { catalogue, database } = await openPostgresCatalogue(reached);
  try {
    await claimCatalogue(database, await storageName(settings), { adopt: true });
  } finally {
    await catalogue.close();
  }
}

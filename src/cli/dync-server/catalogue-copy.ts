// `dync-server catalogue copy`: all that a catalogue has, from SQLite to PostgreSQL or back, while no server runs.

import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { silentLogger } from "../../base/log.ts";
import type { Copied } from "../../catalogue/copy.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { choices } from "../../config/setting.ts";
import { stateFolder } from "../../storage/state-folder.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { optionText, unwrap } from "../option-value.ts";
import { printable } from "../printable.ts";
import { catalogueOptions, optionFaults, readWarned } from "./configuration.ts";
import { postgresOptions } from "./postgres-options.ts";
import { catalogueCopyUsage } from "./usage-catalogue.ts";

const kinds = ["postgres", "sqlite"] as const;

const copyOptions: OptionsDef = {
  ...sharedOptions,
  ...catalogueOptions,
  to: { type: "string", required: true, values: kinds },
  replace: { type: "boolean" },
  json: { type: "boolean" },
};

export const catalogueCopyCommand = defineCommand({
  name: "catalogue copy",
  usage: catalogueCopyUsage,
  options: copyOptions,
  check: (line) => ({ misread: null, others: optionFaults(line) }),
  async run(values: OptionValues<OptionsDef>, context: CommandContext) {
    const { output, clock } = context;
    const to = unwrap(kindOf.parse(String(values.to)), optionText("to"));
    const { settings } = await readWarned(values, context);
    const { lockFolder } = await import("../../storage/folder-lock.ts");
    const { dataFolder } = settings;
    const state = stateFolder(dataFolder);
    if (!existsSync(state)) {
      const text = `There is no data folder of a server at ${dataFolder}`;
      throw new DyncError("configuration", printable(text), { hint: "name it with --data" });
    }
    // A server that runs would go on with what it has open.
    using _lock = lockFolder(join(state, "lock.sqlite"), dataFolder);
    const file = join(state, "catalogue.sqlite");
    const copying = { settings, file, mayReplace: Boolean(values.replace), clock };
    const { uploads, deliveries, where, aside } = await (to === "postgres"
      ? toPostgres(copying)
      : toSqlite(copying));
    output.summarise({ to, database: where, file, uploads, deliveries, aside });
    output.result(
      `Copied to ${to === "postgres" ? where : printable(file)}: ${uploads} uploads, ${deliveries} deliveries to hooks`,
    );
    if (aside !== null) output.result(`The file of before is ${printable(aside)}`);
    const wanted = to === "postgres" ? "names that database" : 'is "sqlite"';
    output.result(`Start the server with a setting "catalogue" that ${wanted}`);
    return 0;
  },
});

const kindOf = choices("KIND", kinds);

interface Copying {
  readonly settings: ProcessSettings;
  /** Of SQLite's catalogue. */
  readonly file: string;
  /** Whether what is there may go. */
  readonly mayReplace: boolean;
  readonly clock: Clock;
}

type Done = Copied & {
  readonly where: string;
  /** Where the file of before is now, or `null`: there was none. */
  readonly aside: string | null;
};

async function toPostgres(copying: Copying): Promise<Done> {
  const { file, mayReplace } = copying;
  if (!existsSync(file)) throw new DyncError("configuration", printable(`There is no catalogue ${file}`));
  const { moveAside, openSqliteTables } = await import("../../catalogue/sqlite.ts");
  const { SqliteCopySource } = await import("../../catalogue/sqlite-copy.ts");
  const { copyCatalogue } = await import("../../catalogue/copy.ts");
  const { empty, isEmpty, PostgresCopyTarget } = await import("../../catalogue/postgres-copy.ts");
  const { markFilled } = await import("../../catalogue/postgres-owner.ts");
  await using opened = await openPostgres(copying);
  const { database, where } = opened;
  const tables = openSqliteTables(file, silentLogger);
  let copied: Copied;
  try {
    copied = await database.once(async (transaction) => {
      if (!mayReplace && !(await isEmpty(transaction))) {
        const text = `The catalogue at ${where} has uploads in it already`;
        throw new DyncError("configuration", text, { hint: "--replace gives these up" });
      }
      await empty(transaction);
      const done = await copyCatalogue(new SqliteCopySource(tables), new PostgresCopyTarget(transaction));
      markFilled(transaction, true);
      return done;
    });
  } finally {
    tables.close();
  }
  // A server that is started without the setting would go on with what is old.
  return { ...copied, where, aside: moveAside(file, "copied") };
}

async function toSqlite(copying: Copying): Promise<Done> {
  const { file, mayReplace } = copying;
  if (existsSync(file) && !mayReplace) {
    const hint = "--replace moves it aside";
    throw new DyncError("configuration", printable(`There is a catalogue ${file} already`), { hint });
  }
  const { markComplete, moveAside, openSqliteTables } = await import("../../catalogue/sqlite.ts");
  const { SqliteCopyTarget } = await import("../../catalogue/sqlite-copy.ts");
  const { copyCatalogue } = await import("../../catalogue/copy.ts");
  const { PostgresCopySource } = await import("../../catalogue/postgres-copy.ts");
  const { markFilled } = await import("../../catalogue/postgres-owner.ts");
  const { syncFile, syncFolder } = await import("../../storage/durable-files.ts");
  await using opened = await openPostgres(copying);
  const { database, where } = opened;
  const copy = `${file}.copying`;
  // What an attempt left that was cut off.
  for (const suffix of ["", "-wal", "-shm"]) rmSync(copy + suffix, { force: true });
  const tables = openSqliteTables(copy, silentLogger);
  let copied: Copied;
  try {
    copied = await database.once(async (transaction) => {
      tables.exec("BEGIN IMMEDIATE");
      const done = await copyCatalogue(new PostgresCopySource(transaction), new SqliteCopyTarget(tables));
      tables.exec("COMMIT");
      markComplete(tables);
      return done;
    });
  } finally {
    tables.close();
  }
  await syncFile(copy);
  const aside = existsSync(file) ? moveAside(file, "replaced") : null;
  renameSync(copy, file);
  await syncFolder(stateFolder(copying.settings.dataFolder));
  // From now on what is in PostgreSQL is old.
  await database.once(async (transaction) => markFilled(transaction, false));
  return { ...copied, where, aside };
}

/** The catalogue in PostgreSQL, which is about these data. */
async function openPostgres({ settings, clock }: Copying) {
  const { openPostgresCatalogue } = await import("../../catalogue/postgres.ts");
  const { claimCatalogue } = await import("../../catalogue/postgres-owner.ts");
  const { storageName } = await import("./storage-name.ts");
  const { catalogue, database, where } = await openPostgresCatalogue(
    postgresOptions(settings, { logger: silentLogger, clock }),
  );
  const opened = { database, where, [Symbol.asyncDispose]: () => catalogue.close() };
  try {
    await claimCatalogue(database, await storageName(settings));
    return opened;
  } catch (error) {
    await catalogue.close();
    throw error;
  }
}

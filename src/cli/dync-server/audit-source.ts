// Which audit log is meant: its files, which are read without any server, and, where servers share a catalogue, the logs of all of them in that.

import { join, resolve } from "node:path";
import { auditFilesIn } from "../../audit/file/audit-files.ts";
import { DyncError, systemCode } from "../../base/error.ts";
import { silentLogger } from "../../base/log.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { AuditChain, SharedAudit } from "../../catalogue/shared-audit.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { auditFolder } from "../../storage/state-folder.ts";
import { sharedOptions } from "../args.ts";
import type { CommandContext, OptionsDef } from "../command.ts";
import { printable } from "../printable.ts";
import { givenOptions, readConfiguration } from "./configuration.ts";
import { postgresOptions } from "./postgres-options.ts";

export const auditOptions = {
  ...sharedOptions,
  data: { type: "string" },
  config: { type: "string" },
  own: { type: "boolean" },
  json: { type: "boolean" },
  files: { type: "positional", repeat: true },
} as const satisfies OptionsDef;

interface AuditValues {
  readonly data: string | undefined;
  readonly config: string | undefined;
  readonly own: boolean | undefined;
  readonly files: readonly string[];
}

/** The logs of all servers that share a catalogue. */
export interface SharedLogs extends AsyncDisposable {
  readonly audit: SharedAudit;
  readonly chains: readonly AuditChain[];
  /** How the log of this server's data folder goes on there, or `null`: nothing of it is there. */
  readonly own: AuditChain | null;
  /** What a chain is called: the name of its machine, with its number where that name is not its alone. */
  nameOf(chain: number): string;
}

export interface AuditSource {
  /** Absolute paths of the files of this server's log, the oldest first. */
  readonly files: readonly string[];
  /** `null`: only these are meant, or there is nothing else. */
  readonly shared: SharedLogs | null;
}

/** What is meant: the files that were given, or all of the server's, and of the others that it shares a catalogue with. Rejects with a `DyncError`. */
export async function auditSource(values: AuditValues, context: CommandContext): Promise<AuditSource> {
  if (values.files.length > 0) return { files: values.files.map((file) => resolve(file)), shared: null };
  const { data, config } = values;
  // A configuration that is wrong just now keeps nobody from the log of a folder that was named.
  if (data !== undefined) return { files: filesIn(data), shared: null };
  const { settings } = await readConfiguration(givenOptions({ config }, context), context.environment);
  const isShared = settings.catalogue !== null && settings.storage !== null && values.own !== true;
  const files = filesIn(settings.dataFolder);
  return { files, shared: isShared ? await openShared(settings, context) : null };
}

function filesIn(dataFolder: string): readonly string[] {
  const folder = auditFolder(resolve(dataFolder));
  try {
    const names = auditFilesIn(folder);
    if (names.length > 0) return names.map((name) => join(folder, name));
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") {
      const hint = "run this command as the user of the server";
      const text = `The audit log in ${folder} cannot be read: ${whyUnreadable(cause)}`;
      throw new DyncError("failed", printable(text), { cause, hint });
    }
  }
  const hint =
    "say where the data are, with --data FOLDER or --config FILE as the server has it, or name files";
  throw new DyncError("failed", printable(`There is no audit log in ${folder}`), { hint });
}

async function openShared(settings: ProcessSettings, { clock }: CommandContext): Promise<SharedLogs> {
  const [{ openPostgresCatalogue }, { PostgresAudit }, { knownStorageId }] = await Promise.all([
    import("../../catalogue/postgres.ts"),
    import("../../catalogue/postgres-audit.ts"),
    import("../../storage/storage-id.ts"),
  ]);
  try {
    const own = await knownStorageId(settings.dataFolder);
    const options = postgresOptions(settings, { logger: silentLogger, clock });
    const { catalogue, database } = await openPostgresCatalogue(options);
    try {
      const audit = new PostgresAudit(database);
      const chains = await audit.chains();
      const ofOwn = chains.findLast(({ server }) => server === own) ?? null;
      const dispose = () => catalogue.close();
      return { audit, chains, own: ofOwn, nameOf: namesOf(chains), [Symbol.asyncDispose]: dispose };
    } catch (error) {
      await catalogue.close();
      throw error;
    }
  } catch (cause) {
    if (!(cause instanceof DyncError)) throw cause;
    const hint = "--own looks at the log of this server alone, without the database";
    throw new DyncError(cause.code, cause.message, { cause, hint });
  }
}

function namesOf(chains: readonly AuditChain[]): (chain: number) => string {
  const byName = Map.groupBy(chains, ({ name }) => name);
  const names = chains.map(({ chain, name }) => {
    const isAlone = byName.get(name)?.length === 1;
    return [chain, isAlone ? name : `${name}/${chain}`] as const;
  });
  const known = new Map(names);
  return (chain) => known.get(chain) ?? String(chain);
}

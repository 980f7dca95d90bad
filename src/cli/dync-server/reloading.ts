// What a server does to read its configuration again: keys, files, what it hands out, and the log, with a line of the audit log for what came of it.

import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { Auditing, ReloadedBy } from "./auditing.ts";
import type { Reload, RunningConfiguration } from "./running-configuration.ts";
import type { SettingsSharing } from "./settings-sharing.ts";

export interface ReloadingParts {
  readonly configuration: RunningConfiguration;
  /** `null`: nobody else has this catalogue. */
  readonly sharing: SettingsSharing | null;
  readonly auditing: Auditing;
  readonly server: { hooksChanged(): void };
  readonly alarming: { changed(): void };
  /** Lists anew what is handed out; `null`: nothing is. Throws `DyncError`. */
  readonly web: { reload(): void } | null;
  readonly logger: Logger;
  /** Looks at the keys. */
  readonly look: () => Promise<void>;
  /** Opens the log's file anew; rejects with a `DyncError` when it cannot be. */
  readonly reopenLog: () => Promise<void>;
}

/** What reads all again that may have changed, when somebody asks for it; and from now on what others that share the catalogue made of it. */
export function reloading(parts: ReloadingParts): (by: "command" | "SIGHUP") => Promise<Reload> {
  const { configuration, sharing, auditing, server, alarming, logger, look } = parts;
  const settle = (came: Reload, by: ReloadedBy): Reload => {
    const reloaded = withDownloads(came, parts);
    auditing.reloaded(reloaded, by, configuration);
    server.hooksChanged();
    alarming.changed();
    return reloaded;
  };
  if (sharing !== null) sharing.onReload = (came) => void settle(came, "servers");
  return async (by) => {
    await look();
    const came = await (sharing?.reload() ?? configuration.reload(logger));
    return await withLogFile(settle(came, by), parts);
  };
}

/**
 * Opens the log's file anew, also behind a configuration that was refused: who rotates logs waits for that. What is wrong with it
 * is one more warning.
 */
async function withLogFile(reload: Reload, { reopenLog, logger }: ReloadingParts): Promise<Reload> {
  try {
    await reopenLog();
    return reload;
  } catch (error) {
    return withWarning(reload, error, logger);
  }
}

/** Lists what is handed out anew, by the settings that were taken. What is wrong with it is one more warning. */
function withDownloads(reload: Reload, { web, logger }: ReloadingParts): Reload {
  if (reload.outcome === "refused") return reload;
  try {
    web?.reload();
    return reload;
  } catch (error) {
    return withWarning(reload, error, logger);
  }
}

function withWarning(reload: Reload, error: unknown, logger: Logger): Reload {
  if (!(error instanceof DyncError)) throw error;
  const { message, hint } = error;
  logger.log("error", message, { hint });
  if (reload.outcome === "refused") return reload;
  return {
    ...reload,
    warnings: [...reload.warnings, hint === undefined ? message : `${message}; ${hint}`],
  };
}

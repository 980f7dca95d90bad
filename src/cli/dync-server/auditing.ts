// The audit log of a server that runs: where it lies, and what is recorded in it of the server itself, of its keys and its
// configuration, and of the commands beside it. What becomes of uploads is recorded in `server/`.

import type { Audit, AuditEvent, AuditEventName, AuditValue } from "../../audit/audit.ts";
import { CountedAudit } from "../../audit/counted-audit.ts";
import { AuditFile } from "../../audit/file/audit-file.ts";
import type { Head } from "../../audit/line.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import type { AuthorizedClients, AuthorizedKey, KeyChanges } from "../../keys/authorized-clients.ts";
import { auditFolder } from "../../storage/state-folder.ts";
import { version } from "../version.ts";
import type { AuditSharing } from "./audit-sharing.ts";
import type { Reload, RunningConfiguration } from "./running-configuration.ts";

/** What is known of keys, and of their files. */
export interface KnownOfKeys {
  wasRefused(key: string): boolean;
  isFromOthers(file: string): boolean;
}

/** Who had the configuration read again; "servers": others that share it. */
export type ReloadedBy = "command" | "SIGHUP" | "servers";

export class Auditing implements AsyncDisposable {
  #audit: Audit;
  /** Why the server stops, where it is known. */
  reason: string | null = null;
  readonly #file: AuditFile;
  readonly #counted: CountedAudit;
  #sharing: AuditSharing | null = null;
  /** Fingerprints of keys that were removed at other servers, whose uploads here end. */
  readonly #removedElsewhere = new Set<string>();
  #hasStarted = false;
  #ended: Promise<void> | null = null;

  constructor(dataFolder: string, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    const onDurable = (head: Head): void => this.#sharing?.durable(head);
    this.#file = new AuditFile({ folder: auditFolder(dataFolder), clock, logger, onDurable });
    this.#audit = this.#counted = new CountedAudit(this.#file, clock);
  }

  /** Takes down whatever happens. */
  get audit(): Audit {
    return this.#audit;
  }

  /** What is on the disk goes there as well from now on, until the log ends. */
  shareBy(sharing: AuditSharing): void {
    this.#sharing = sharing;
  }

  /** From now on it is taken down by what `observer` makes of that which did so far. */
  observe(observer: (to: Audit) => Audit): void {
    this.#audit = observer(this.#audit);
  }

  /**
   * The server listens. The digests tell whether configuration and keys are those of another start, and so does the name of the key
   * that signs receipts, `null` where none does.
   */
  started(configuration: RunningConfiguration, clients: AuthorizedClients, receiptsKey: string | null): void {
    this.#hasStarted = true;
    const keys = clients.list().map(({ user, fingerprint }) => `${fingerprint} ${user}`);
    this.audit.record({
      ...{ event: "started", version, configuration: configuration.digest },
      ...{ keys: keys.length, keysDigest: sha256Hex(keys.toSorted().join("\n")), receiptsKey },
    });
  }

  /** `known` tells of a key's text whether somebody tried to send with it before it was authorised, and of a file whether that is another server's doing. */
  keysChanged(changes: KeyChanges, known: KnownOfKeys): void {
    const record = (
      event: AuditEventName,
      { user, fingerprint: key, file, expiresAt }: AuthorizedKey,
    ): void => this.audit.record({ event, user, key, file, expires: expiresAt?.toISOString() });
    // What another server did is in its log, which all show.
    const ours = (keys: readonly AuthorizedKey[]): readonly AuthorizedKey[] =>
      keys.filter(({ file }) => !known.isFromOthers(file));
    for (const key of changes.removed)
      if (known.isFromOthers(key.file)) this.#removedElsewhere.add(key.fingerprint);
    for (const key of changes.added) this.#removedElsewhere.delete(key.fingerprint);
    for (const key of ours(changes.removed)) record("key-removed", key);
    for (const key of ours(changes.added))
      record(known.wasRefused(key.key) ? "key-approved" : "key-added", key);
    for (const key of changes.ended)
      if (!this.#removedElsewhere.delete(key.fingerprint)) record("key-ended", key);
    for (const key of changes.expired) record("key-expired", key);
    for (const key of changes.renewed) record("key-renewed", key);
  }

  reloaded(reload: Reload, by: ReloadedBy, { digest }: RunningConfiguration): void {
    if (reload.outcome === "refused") {
      const faults = reload.faults.map(({ message }) => message);
      return this.audit.record({ event: "reload-refused", by, faults });
    }
    const [changed, needsRestart] = [reload.changed, reload.needsRestart].map((changes) =>
      changes.map(({ setting, from, to }) => ({ setting, from, to })),
    );
    this.audit.record({ event: "reloaded", by, configuration: digest, changed, needsRestart });
  }

  /** Writes the last line, and all that waits. What happens from then on is not recorded any more. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#counted.settle();
    if (this.#hasStarted) this.audit.record({ event: "stopped", reason: this.reason });
    await this.#file[Symbol.asyncDispose]();
    await this.#sharing?.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

/** Commands that show something, or look. Every other one is recorded, but for `reload`, which is with what came of it. */
const showing = / (?:list|show|pending|read)$/;

/** The same commands; what they were asked for, and what came of it, is recorded before it is answered. */
export function audited(
  commands: ReadonlyMap<string, ControlCommand>,
  audit: Audit,
): ReadonlyMap<string, ControlCommand> {
  return new Map(
    [...commands].map(([name, command]) => [
      name,
      name === "reload" || showing.test(name) ? command : recorded(name, command, audit),
    ]),
  );
}

function recorded(command: string, act: ControlCommand, audit: Audit): ControlCommand {
  return async (call) => {
    const { by, arguments: given } = call;
    const about = { event: "command", command, by, arguments: asJson(given) } satisfies AuditEvent;
    try {
      const answer = await act(call);
      audit.record({ ...about, outcome: "done", answer: asJson(answer) });
      return answer;
    } catch (error) {
      audit.record({ ...about, outcome: "failed", reason: messageOf(error) });
      throw error;
    }
  };
}

/**
 * As it goes over the control socket, but for what is nobody's business here: of metadata their digest tells which they were, and
 * a secret is left out.
 */
function asJson(value: unknown): AuditValue {
  return JSON.parse(JSON.stringify(value), (name, it) => {
    if (name === "secret") return undefined;
    return name === "metadataText" && typeof it === "string" ? `SHA-256 ${sha256Hex(it)}` : it;
  }) as AuditValue;
}

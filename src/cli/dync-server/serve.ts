// Puts the real parts of a server together and runs it. Called by `run.ts`.

import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { alarmMail } from "../../alarms/told-alarm.ts";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { Catalogue, Owner } from "../../catalogue/catalogue.ts";
import { ControlServer } from "../../control/control-server.ts";
import { type HookRunnerParts, hookRunner } from "../../hooks/run/run-hook.ts";
import { AuthorizedClients, type AuthorizedKey, type KeyChanges } from "../../keys/authorized-clients.ts";
import { loadKeyPair } from "../../keys/key-files.ts";
import { clientsFolder } from "../../keys/key-folder.ts";
import { openGiver } from "../../receipts/giver.ts";
import { Recounts } from "../../server/recounts.ts";
import { Server } from "../../server/server.ts";
import { auditFolder, stateFolder } from "../../storage/state-folder.ts";
import { StateWatch } from "../../storage/state-watch.ts";
import type { Storage } from "../../storage/storage.ts";
import { storageId } from "../../storage/storage-id.ts";
import { ioThreadsOf, openZmqTransport, type ZmqTransport } from "../../transport/zmq/zmq-transport.ts";
import type { CompleteUpload } from "../../upload/upload.ts";
import { version } from "../version.ts";
import { Alarming } from "./alarming.ts";
import { AuditSharing } from "./audit-sharing.ts";
import { Auditing, audited } from "./auditing.ts";
import { controlCommands } from "./control-commands.ts";
import { KeySharing, type KeySharingParts } from "./key-sharing.ts";
import { machineMemory } from "./machine-memory.ts";
import { type OpenCatalogue, openCatalogue } from "./open-catalogue.ts";
import { openStorage } from "./open-storage.ts";
import { reloading } from "./reloading.ts";
import type { RunningConfiguration } from "./running-configuration.ts";
import { tellReady } from "./service-manager.ts";
import { SettingsSharing } from "./settings-sharing.ts";
import type { Web, WebParts } from "./web.ts";
import { type KeptHistory, openHistory } from "./web-history.ts";

export interface ServeParts {
  readonly logger: Logger;
  readonly clock: Clock;
  /** "hangup" events ask to read again what may have changed. */
  readonly hangups: EventTarget;
  /** Opens the log's file anew; rejects with a `DyncError` when it cannot be. */
  readonly reopenLog: () => Promise<void>;
  /** Aborts when the server is to stop. */
  readonly signal: AbortSignal;
}

async function loadClients(
  { home, settings: { trustsUserIds } }: RunningConfiguration,
  { clock, logger }: ServeParts,
): Promise<AuthorizedClients> {
  const folder = clientsFolder(home);
  const clients = await AuthorizedClients.load({ folder, log: logger, clock, trustsUserIds });
  if (clients.size === 0)
    logger.log("warn", "No client is authorised yet: put their key files here, each as USER.key", { folder });
  return clients;
}

/** Opens it until `closing` ends. */
async function openTransport(
  { settings }: RunningConfiguration,
  { clock, logger }: ServeParts,
  closing: AsyncDisposableStack,
): Promise<ZmqTransport> {
  const ioThreads = settings.ioThreads ?? ioThreadsOf(availableParallelism());
  const transport = await openZmqTransport({ clock, ioThreads });
  closing.defer(() => transport.close());
  logger.log("info", "Opened libzmq", { version: transport.version });
  return transport;
}

/** What a server keeps beside its keys, and works on. */
interface State {
  readonly storage: Storage;
  readonly auditing: Auditing;
  readonly catalogue: Catalogue;
  readonly owner: Owner;
  readonly sharing: OpenCatalogue["sharing"];
  /** What lies where uploads are published; what cannot be looked at is a warning to `log`. */
  readonly published: (log: Logger) => AsyncIterable<CompleteUpload>;
  /** Rejects when something of it is damaged, or was taken away. */
  readonly lost: Promise<never>;
}

/** Opens it until `closing` ends. */
async function openState(
  { settings }: RunningConfiguration,
  { clock, logger, signal }: ServeParts,
  closing: AsyncDisposableStack,
): Promise<State> {
  const { dataFolder } = settings;
  const { storage, published, folders } = await openStorage(settings, { clock, logger }, closing);
  const auditing = closing.use(new Auditing(dataFolder, { clock, logger }));
  const state = stateFolder(dataFolder);
  const file = join(state, "catalogue.sqlite");
  const { files, damaged, ...opened } = await openCatalogue(
    { settings, file, published: () => published(logger), logger, clock, signal },
    closing,
  );
  if (opened.sharing !== null) {
    const { audit, name } = opened.sharing;
    const log = { folder: auditFolder(dataFolder), server: await storageId(dataFolder), name };
    auditing.shareBy(new AuditSharing({ ...log, audit, clock, logger }));
    // While the catalogue is open still.
    closing.defer(() => auditing.end());
  }
  const watch = closing.use(
    await StateWatch.begin({
      ...{ dataFolder, clock, log: logger },
      files: [...files, join(state, "lock.sqlite")],
      folders: [state, ...folders.map((name) => join(state, name))],
    }),
  );
  const lost = Promise.race([damaged, watch.removed]);
  lost.catch(() => {});
  return { ...opened, storage, auditing, published, lost };
}

/** What a server is given that is as it was configured, or this process's own. */
function ownParts(
  { settings, rulesOf, mayHurry, hooksOf, groupsOf }: RunningConfiguration,
  { clock, logger }: ServeParts,
) {
  const mailOf: HookRunnerParts["mailOf"] = (text, { to, from }) => alarmMail(text, to, from);
  const run = hookRunner({ clock, environment: process.env, agent: `dync-server/${version}`, mailOf });
  return {
    ...{ clock, logger, options: settings, rulesOf, groupsOf, mayHurry, program: `dync-server ${version}` },
    machineBytes: machineMemory(),
    newId: () => randomBytes(16).toString("hex"),
    hooks: { hooksOf, run, random: Math.random },
  };
}

/** What has the keys of this server be those of all that share the catalogue, once it begins, until `closing` ends. */
function keySharingOf(
  sharing: State["sharing"],
  parts: Omit<KeySharingParts, "keys" | "servers">,
  closing: AsyncDisposableStack,
): KeySharing | null {
  return sharing === null ? null : closing.use(new KeySharing({ ...sharing, ...parts }));
}

/** Has the settings of this server be those of all that share the catalogue, as far as they are shared, until `closing` ends. */
async function shareSettings(
  sharing: State["sharing"],
  configuration: RunningConfiguration,
  { clock, logger }: ServeParts,
  closing: AsyncDisposableStack,
): Promise<SettingsSharing | null> {
  if (sharing === null) return null;
  const { settings, servers, name } = sharing;
  const parts = { home: configuration.home, settings, servers, name, configuration, clock, logger };
  const shared = closing.use(new SettingsSharing(parts));
  await shared.begin();
  return shared;
}

/** Loaded where something is answered over HTTP. */
async function webOf(
  { settings }: RunningConfiguration,
  { clock }: ServeParts,
  history: KeptHistory,
): Promise<Web | null> {
  if (settings.http === null) return null;
  const { Web } = await import("./web.ts");
  return new Web(settings.http, settings, clock, history);
}

/** What the status page remembers, kept until `closing` ends. */
function historyOf(
  { settings }: RunningConfiguration,
  { clock }: ServeParts,
  closing: AsyncDisposableStack,
): KeptHistory {
  const history = openHistory(settings.dataFolder, clock);
  closing.defer(() => history.end());
  return history;
}

async function openWeb(web: Web | null, closing: AsyncDisposableStack, parts: WebParts): Promise<void> {
  if (web !== null) closing.use(await web.open(parts));
}

/** Serves until the signal aborts, then stops cleanly and resolves. Throws `DyncError` when it cannot start or go on. */
export async function serve(configuration: RunningConfiguration, parts: ServeParts): Promise<void> {
  const { logger, clock, hangups, signal } = parts;
  const { home, rulesOf, groupsOf, signInOf } = configuration;
  await using closing = new AsyncDisposableStack();
  const keys = await loadKeyPair(home, "server");
  const clients = await loadClients(configuration, parts);
  const opened = await openState(configuration, parts, closing);
  const { storage, auditing, catalogue, owner, sharing, published, lost } = opened;
  const settingsSharing = await shareSettings(sharing, configuration, parts, closing);
  const history = historyOf(configuration, parts, closing);
  const web = await webOf(configuration, parts, history);
  auditing.observe((to) => web?.observe(to) ?? to);
  const { audit } = auditing;
  const transport = await openTransport(configuration, parts, closing);
  const receipts = await openGiver({
    ...{ home, server: keys.publicKey.fingerprint, clock, logger },
    onKey: ({ key, before }) => audit.record({ event: "receipts-key", receiptsKey: key, before }),
  });
  let keySharing: KeySharing | null = null;
  const server = new Server({
    ...ownParts(configuration, parts),
    ...{ transport, keys, clients, storage, catalogue, owner, audit },
    ...(sharing === null ? {} : { servers: sharing.servers, pendingKeys: sharing.pendingKeys }),
    onKeysElsewhere: () => void keySharing?.changed("notification"),
    onSettingsElsewhere: () => void settingsSharing?.changed("notification"),
    ...(receipts === null ? {} : { receipts }),
    ...(web === null ? {} : { meter: web.meter }),
    onListening: () => auditing.started(configuration, clients, receipts?.kid ?? null),
  });
  const watching = watchKeys(clients, { server, auditing, logger, sharing: () => keySharing });
  closing.defer(watching.stop);
  keySharing = keySharingOf(sharing, { home, clock, logger, look: watching.look }, closing);
  await keySharing?.begin();
  const recounts = closing.use(
    new Recounts({ catalogue, clock, logger, rulesOf, published, leads: () => server.leads }),
  );
  recounts.start();
  const looked = { server, catalogue, storage, history, recounts, clients, configuration };
  const alarming = closing.use(new Alarming({ ...looked, clock, logger }));
  const reload = reloading({
    ...{ configuration, sharing: settingsSharing, auditing, server, alarming, web, logger },
    ...{ look: watching.look, reopenLog: parts.reopenLog },
  });
  hangups.addEventListener("hangup", () => void reload("SIGHUP"));
  const users = { catalogue, recounts, clients, rulesOf, groupsOf, server, clock };
  const keyFolder = { look: watching.look, list: () => clients.list() };
  const signing = { home, clock, look: async () => await receipts?.look() };
  const linkMaker = () => web?.linkMaker ?? null;
  const asked = { server, users, keyFolder, signing, sharing, linkMaker, alarming };
  const commands = audited(controlCommands({ ...asked, reload: () => reload("command") }), audit);
  const control = closing.use(await ControlServer.open({ home, commands, logger, clock }));
  await openWeb(web, closing, {
    ...{ server, clients, catalogue, storage, recounts, rulesOf, clock, logger, version, commands },
    ...{ groupsOf, signInOf, folder: clientsFolder(home), keyFolder },
    ownKey: { publicKey: keys.publicKey.text, fingerprint: keys.publicKey.fingerprint },
    audited: (own) => audited(own, audit),
    alarms: { firing: () => alarming.alarms.firing(), configured: alarming.alarmsOf },
  });
  await server.start();
  alarming.changed();
  // What was told before anybody listened.
  void settingsSharing?.changed("start");
  await tellReady(process.env, logger);
  closing.defer(() => server.stop());
  await Promise.race([server.failed, lost, aborted(signal)]);
  auditing.reason = signal.reason instanceof DyncError ? signal.reason.message : null;
  logger.log("info", "Stopping", { reason: auditing.reason });
  // Whoever asks from now on hears that there is no server, before there is none.
  await control[Symbol.asyncDispose]();
}

interface WatchingKeys {
  readonly server: Server;
  readonly auditing: Auditing;
  readonly logger: Logger;
  /** `null`: not yet, or nobody else has these keys. */
  readonly sharing: () => KeySharing | null;
}

function watchKeys(clients: AuthorizedClients, { server, auditing, logger, sharing }: WatchingKeys) {
  return clients.watch((changes) => {
    logKeyChanges(changes, logger);
    auditing.keysChanged(changes, {
      wasRefused: (key) => server.wasRefused(key),
      isFromOthers: (file) => sharing()?.isFromOthers(file) ?? false,
    });
    server.clientsChanged();
    void sharing()?.changed("own change");
  });
}

function logKeyChanges(changes: KeyChanges, logger: Logger): void {
  const tell = (message: string, keys: readonly AuthorizedKey[]): void => {
    for (const { user, fingerprint: key, file } of keys) logger.log("info", message, { user, key, file });
  };
  tell("Key authorised", changes.added);
  tell("Key removed", changes.removed);
  tell("A removed key did not come back: its uploads end", changes.ended);
  tell("A key expired: its uploads end", changes.expired);
  tell("A key that had expired is good again", changes.renewed);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

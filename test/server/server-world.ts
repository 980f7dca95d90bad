// A server on the memory transport, the memory storage and a clock of its own, and clients that send what a test
// tells them to. Everything outlives the server, so that a test can start it again.

import { createHash } from "node:crypto";
import type { LogFields, LogLevel } from "../../src/base/log.ts";
import type { Servers } from "../../src/catalogue/servers.ts";
import {
  defaultProcessSettings,
  defaultUserRules,
  type ProcessSettings,
  type UserRules,
} from "../../src/config/server-settings.ts";
import { generateKeyPair, type KeyPair } from "../../src/keys/key.ts";
import { decodeServerMessage } from "../../src/protocol/wire/decode.ts";
import { encodeClientMessage } from "../../src/protocol/wire/encode.ts";
import type { ClientMessage, PostFile, ServerMessage } from "../../src/protocol/wire/message.ts";
import type { ReceiptGiver } from "../../src/receipts/statement.ts";
import type { HookParts } from "../../src/server/after-hooks.ts";
import { Server } from "../../src/server/server.ts";
import type { ClientLink, ClientLinkEvents, LinkFailure, Received } from "../../src/transport/transport.ts";
import { pathOf } from "../../src/upload/destination.ts";
import { idOf } from "../storage/contract.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { MemoryNetwork } from "../support/memory/network.ts";
import { MemoryPendingKeys } from "../support/memory/pending-keys.ts";
import { MemoryStorage, type StorageOperation } from "../support/memory/storage.ts";

const serverKeys = generateKeyPair();
const port = 8889;

/** Keys of two users; `annaToo` is a second one of anna's. */
export const userKeys: Readonly<Record<"anna" | "annaToo" | "bert", KeyPair>> = {
  anna: generateKeyPair(),
  annaToo: generateKeyPair(),
  bert: generateKeyPair(),
};
export type Key = keyof typeof userKeys;

export class ServerWorld {
  readonly network = new MemoryNetwork();
  readonly clock = new ManualClock();
  readonly catalogue = new MemoryCatalogue();
  readonly log: { readonly level: LogLevel; readonly message: string; readonly fields: LogFields }[] = [];
  readonly removed = new Set<Key>();
  /** Of the removed ones: those that may come back. */
  readonly leaving = new Set<Key>();
  readonly expired = new Map<Key, Date>();
  /** Until when keys are good. */
  readonly ends = new Map<Key, Date>();
  /** Called before each operation of the storage; may throw, and may delay. */
  before: (operation: StorageOperation) => void | Promise<void> = () => {};
  readonly storage = new MemoryStorage({ clock: this.clock, before: (operation) => this.before(operation) });
  bootId = "boot";
  groupsOf: (user: string) => readonly string[] = () => [];
  /** None unless a test sets some. */
  hooks: HookParts | undefined;
  /** Nobody unless a test sets somebody. */
  receipts: ReceiptGiver | undefined;
  /** Other servers that share the catalogue; nobody unless a test sets some. */
  servers: Servers | undefined;
  /** Keys that these refused. */
  readonly pendingKeys = new MemoryPendingKeys();
  leaseMs = 0;
  #ids = 0;
  #server: Server | null = null;

  get server(): Server {
    if (this.#server === null) throw new Error("the server was started");
    return this.#server;
  }

  async start(change: Partial<ProcessSettings & UserRules> = {}): Promise<void> {
    const { syncEveryBytes } = { ...defaultProcessSettings, ...change };
    this.storage.mount({ bootId: this.bootId, syncEveryBytes });
    const server = new Server({
      transport: this.network.server(),
      keys: serverKeys,
      clients: {
        userOf: (key) => this.#userOf(key),
        expiryOf: (text) => this.expired.get(keyOf(text)) ?? null,
        endOf: (text) => this.ends.get(keyOf(text)) ?? null,
        isLeaving: (text) => this.leaving.has(keyOf(text)),
        mayGoOn: (text) => this.#mayGoOn(keyOf(text)),
      },
      storage: this.storage,
      catalogue: this.catalogue,
      owner: { id: "server", leaseMs: this.leaseMs },
      clock: this.clock,
      logger: {
        log: (level, message, fields = {}) => void this.log.push({ level, message, fields }),
      },
      options: { ...defaultProcessSettings, port, chunkBytes: 1024, memoryBytes: 1024 * 1024, ...change },
      rulesOf: () => ({ ...defaultUserRules, ...change }),
      groupsOf: this.groupsOf,
      program: "test",
      newId: () => idOf(++this.#ids),
      ...(this.receipts === undefined ? {} : { receipts: this.receipts }),
      ...(this.hooks === undefined ? {} : { hooks: this.hooks }),
      ...(this.servers === undefined ? {} : { servers: this.servers, pendingKeys: this.pendingKeys }),
    });
    this.#server = server;
    await server.start();
  }

  #mayGoOn(key: Key): boolean {
    return !this.expired.has(key) && (!this.removed.has(key) || this.leaving.has(key));
  }

  #userOf(text: string): string | null {
    const key = keyOf(text);
    if (this.removed.has(key) || this.expired.has(key)) return null;
    return key === "bert" ? "bert" : "anna";
  }

  /** A connection with `key` under the identity that `number` stands for. */
  async connect(number = 1, key: Key = "anna"): Promise<TestClient> {
    const client = new TestClient();
    client.link = this.network.client().connect(
      {
        host: "server",
        port,
        serverKey: serverKeys.publicKey,
        keys: userKeys[key],
        identity: identityOf(number),
        frameBytesMax: 1024 * 1024,
      },
      client,
    );
    await client.up;
    return client;
  }

  published(): readonly string[] {
    return this.storage.published().map(pathOf);
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Its first byte is never 0, which libzmq keeps to itself. */
function identityOf(number: number): Uint8Array {
  const identity = new Uint8Array(16).fill(0x80 + (number % 0x80));
  if (number >= 0x80) new DataView(identity.buffer).setUint32(12, number);
  return identity;
}

function keyOf(text: string): Key {
  const key = (Object.keys(userKeys) as Key[]).find((it) => userKeys[it].publicKey.text === text);
  if (key === undefined) throw new Error("the key is one of the test's");
  return key;
}

export function postOf(change: Partial<PostFile> = {}): PostFile {
  return { type: "post-file", name: "a.raw", metadataText: '{"sample":"A1"}', info: {}, ...change };
}

export class TestClient implements ClientLinkEvents {
  link!: ClientLink;
  /** Why the link went down, once it has. */
  failure: LinkFailure | null = null;
  readonly #heard: ServerMessage[] = [];
  readonly credits: ServerMessage[] = [];
  readonly #up = Promise.withResolvers<void>();
  #onHeard = (): void => {};

  get up(): Promise<void> {
    return this.#up.promise;
  }

  onUp = (): void => this.#up.resolve();
  onWritable = (): void => {};

  onMessage = (received: Received): void => {
    const decoded = decodeServerMessage(received.frames);
    received.release();
    if (!decoded.ok) throw new Error(`The server sent no message: ${decoded.text}`);
    // Credit alone is no answer to anything.
    if (decoded.message.type === "transfer-credit") return void this.credits.push(decoded.message);
    this.#heard.push(decoded.message);
    this.#onHeard();
  };

  onDown = (failure: LinkFailure): void => {
    this.failure = failure;
    this.#up.reject(new Error(`The connection did not come up: ${failure}`));
  };

  send(message: ClientMessage): void {
    this.link.send(encodeClientMessage(message));
  }

  /** The next message of the server. */
  async hear(): Promise<ServerMessage> {
    for (;;) {
      const message = this.#heard.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#onHeard = resolve;
      });
    }
  }

  async ask(message: ClientMessage): Promise<ServerMessage> {
    this.send(message);
    return this.hear();
  }

  /** Asks where to go on, until there is credit to do so; returns the offset. */
  async whereToGoOn(): Promise<number> {
    let answer = await this.ask({ type: "query-status" });
    while (answer.type === "status-report" && answer.credit === 0) answer = await this.hear();
    if (answer.type === "status-report") return answer.seek;
    throw new Error(`The server wants nothing more: ${JSON.stringify(answer)}`);
  }

  chunk(seek: number, text: string): void {
    this.send({ type: "post-chunk", seek, data: Buffer.from(text), checksum: null });
  }

  /** The end of a file with this content, all of which was sent. */
  end(content: string): void {
    const checksum = createHash("sha256").update(content).digest();
    this.send({ type: "post-chunk", seek: content.length, data: new Uint8Array(0), checksum });
  }

  /** Sends a whole file in one chunk; returns the server's last word. */
  async upload(content: string, post = postOf()): Promise<ServerMessage> {
    const answer = await this.ask(post);
    if (answer.type !== "upload-approved") return answer;
    this.chunk(0, content);
    this.end(content);
    return this.hear();
  }

  close(): void {
    this.link.close();
  }
}

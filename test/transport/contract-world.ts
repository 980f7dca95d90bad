// Two ends of a transport under test, and links between them with keys that fit. Used by contract.ts.

import { generateKeyPair } from "../../src/keys/key.ts";
import type {
  ClientLink,
  ClientLinkOptions,
  ClientTransport,
  ServerLink,
  ServerLinkOptions,
  ServerTransport,
} from "../../src/transport/transport.ts";
import { ClientRecorder, ServerRecorder } from "./recorder.ts";

export interface TransportWorld {
  readonly client: ClientTransport;
  readonly server: ServerTransport;
  /** On the same machine as `server`. */
  readonly secondServer: ServerTransport;
  /** Closes all, and returns how many messages and blocks were never released. */
  close(): Promise<number>;
}

const serverKeys = generateKeyPair();
const clientKeys = generateKeyPair();
const frameBytesMax = 1024 * 1024;

/** A server that lets the client of these tests in, as "alice". */
export const serverDefaults: ServerLinkOptions = {
  address: "127.0.0.1",
  port: 0,
  keys: serverKeys,
  frameBytesMax,
  authorize: (key) => (key.text === clientKeys.publicKey.text ? "alice" : null),
};

/** 16 bytes of `value`. */
export function identity(value: number): Uint8Array {
  return new Uint8Array(16).fill(value);
}

export function listenIn(
  world: TransportWorld,
  options: Partial<ServerLinkOptions>,
): { link: ServerLink; events: ServerRecorder } {
  const events = new ServerRecorder();
  return { link: world.server.listen({ ...serverDefaults, ...options }, events), events };
}

export function connectIn(
  world: TransportWorld,
  port: number,
  options: Partial<ClientLinkOptions>,
): { link: ClientLink; events: ClientRecorder } {
  const events = new ClientRecorder();
  const defaults = { host: "127.0.0.1", port, serverKey: serverKeys.publicKey, keys: clientKeys };
  const link = world.client.connect(
    { ...defaults, identity: identity(1), frameBytesMax, ...options },
    events,
  );
  return { link, events };
}

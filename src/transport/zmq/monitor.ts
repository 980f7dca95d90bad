// What happens to a client's connection, from libzmq's socket monitor: a list of plain events. Clients only: a
// monitor that nobody reads stops libzmq's I/O thread, so a server must not have one.

import { monitorEvent, socketType } from "./constants.ts";
import type { ZmqContext } from "./context.ts";
import { ZmqSocket } from "./socket.ts";

export interface MonitorEvent {
  /** One of `monitorEvent`. */
  readonly event: number;
  /** Error number, descriptor or ZAP status, by event. */
  readonly value: number;
}

// Never HANDSHAKE_FAILED_PROTOCOL (0x2000): emitting it makes libzmq forget the error behind it, and a corrupted
// message then hangs the connection for good instead of ending it.
const mask = Object.values(monitorEvent).reduce((all, event) => all | event, 0);

export class Monitor {
  readonly #watched: ZmqSocket;
  readonly #socket: ZmqSocket;

  /** `name` is unique in the context. Must be there before the watched socket connects. */
  constructor(context: ZmqContext, watched: ZmqSocket, name: string) {
    this.#watched = watched;
    const endpoint = `inproc://${name}`;
    watched.monitor(endpoint, mask);
    this.#socket = new ZmqSocket(context, socketType.pair);
    this.#socket.connect(endpoint);
  }

  get descriptor(): bigint {
    return this.#socket.descriptor;
  }

  /** As `ZmqSocket.watch`. */
  watch(onUse: () => void): void {
    this.#socket.watch(onUse);
  }

  /** Whether an event is there. */
  get isReady(): boolean {
    return this.#socket.readable;
  }

  /** The next event, or `null` when none is there. */
  next(): MonitorEvent | null {
    const received = this.#socket.receive();
    if (received === null) return null;
    const [head] = received.message.near.frames as [Uint8Array];
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const event = { event: view.getUint16(0, true), value: view.getInt32(2, true) };
    received.message.release();
    return event;
  }

  /** Before the watched socket is closed: with nobody at this end, its next event would block libzmq. */
  close(): void {
    this.#watched.stopMonitor();
    this.#socket.close();
  }
}

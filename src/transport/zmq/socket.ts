// One libzmq socket: options, bind, connect, send and receive. Never waits: where libzmq would block, methods
// say so. All sockets belong to the main thread.

import { assert } from "../../base/assert.ts";
import type { OutgoingFrame, SendResult } from "../transport.ts";
import { pollEvent, type SocketOption, sendFlag, socketOption } from "./constants.ts";
import type { ZmqContext } from "./context.ts";
import { check, errnoSymbol, lastError } from "./error.ts";
import type { Library } from "./library.ts";
import { MessageBlock, ReceivedMessage, type Slot, type SlotPool } from "./message.ts";
import { cString, type Pointer } from "./native.ts";

/** Frames up to this are copied: cheaper than keeping a message open, and their views cannot dangle. */
const copiedFrameBytesMax = 1024;
const userIdProperty = cString("User-Id");
const oneByte = new Uint8Array(1);

export class ZmqSocket {
  readonly #library: Library;
  readonly #pool: SlotPool;
  readonly #pointer: Pointer;
  // An initialised, empty message that the next frame is received into.
  #next: Slot;
  readonly #events = new Uint8Array(4);
  readonly #eventsView = new DataView(this.#events.buffer);
  readonly #eventsBytes = new Uint8Array(new BigUint64Array([4n]).buffer);
  #open = true;
  #onUse: () => void = () => {};

  constructor(context: ZmqContext, type: number) {
    this.#library = context.library;
    this.#pool = context.pool;
    this.#pointer = context.socket(type);
    this.#next = this.#pool.open();
  }

  setInt(option: SocketOption, value: number): void {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    this.setBytes(option, bytes);
  }

  setInt64(option: SocketOption, value: number): void {
    const bytes = new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
    this.setBytes(option, bytes);
  }

  setBytes(option: SocketOption, bytes: Uint8Array): void {
    const { zmq } = this.#library;
    const result = zmq.zmq_setsockopt(this.#pointer, option, bytes, bytes.length);
    check(this.#library, `zmq_setsockopt(${option})`, result);
  }

  bind(endpoint: string): void {
    const result = this.#library.zmq.zmq_bind(this.#pointer, cString(endpoint));
    check(this.#library, `zmq_bind(${endpoint})`, result);
  }

  connect(endpoint: string): void {
    const result = this.#library.zmq.zmq_connect(this.#pointer, cString(endpoint));
    check(this.#library, `zmq_connect(${endpoint})`, result);
  }

  /** Publishes events in `mask` on the inproc `endpoint`. */
  monitor(endpoint: string, mask: number): void {
    const text = cString(endpoint);
    const pointer = this.#library.native.pointerTo(text);
    const result = this.#library.zmq.zmq_socket_monitor(this.#pointer, pointer, mask);
    check(this.#library, "zmq_socket_monitor", result);
    assert(text.length > 0, "the endpoint outlives the call");
  }

  stopMonitor(): void {
    const result = this.#library.zmq.zmq_socket_monitor(this.#pointer, null, 0);
    check(this.#library, "zmq_socket_monitor", result);
  }

  /** The endpoint that the last bind took, with the port that the system chose. */
  lastEndpoint(): string {
    const bytes = this.#get(socketOption.lastEndpoint, 1024);
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString("utf8");
  }

  /** The descriptor to wait for. Edge-triggered: look at `events` until it shows nothing, then wait. */
  get descriptor(): bigint {
    const bytes = this.#get(socketOption.fd, 8);
    const view = new DataView(bytes.buffer);
    return bytes.length === 8 ? view.getBigUint64(0, true) : BigInt(view.getInt32(0, true));
  }

  /** Has `onUse` called at every call that may use up the descriptor's signal. */
  watch(onUse: () => void): void {
    this.#onUse = onUse;
  }

  /** What is possible without waiting: bits of `pollEvent`. */
  events(): number {
    this.#onUse();
    const { zmq } = this.#library;
    const result = zmq.zmq_getsockopt(this.#pointer, socketOption.events, this.#events, this.#eventsBytes);
    check(this.#library, "zmq_getsockopt(events)", result);
    return this.#eventsView.getInt32(0, true);
  }

  get readable(): boolean {
    return (this.events() & pollEvent.readable) !== 0;
  }

  get writable(): boolean {
    return (this.events() & pollEvent.writable) !== 0;
  }

  /**
   * Sends all frames as one message, or none. After `"sent"` the blocks among them are gone. A connection that
   * breaks between two frames takes the whole message with it: that, too, is `"sent"`.
   */
  send(frames: readonly OutgoingFrame[]): SendResult {
    assert(this.#open && frames.length > 0, "an open socket sends at least one frame");
    this.#onUse();
    const last = frames.length - 1;
    for (const [index, frame] of frames.entries()) {
      const flags = index === last ? sendFlag.dontWait : sendFlag.dontWait | sendFlag.more;
      const failure = this.#sendFrame(frame, flags);
      if (failure === "sent") continue;
      if (index === 0) return failure;
      // libzmq drops what is left of the message; it must get it all the same, to see its end.
      if (frame instanceof MessageBlock) frame.release();
    }
    return "sent";
  }

  #sendFrame(frame: OutgoingFrame, flags: number): SendResult {
    const { zmq } = this.#library;
    if (frame instanceof MessageBlock) {
      if (zmq.zmq_msg_send(frame.pointer, this.#pointer, flags) !== -1) {
        frame.forget();
        return "sent";
      }
    } else {
      assert(frame instanceof Uint8Array, "a block comes from this transport's allocate()");
      const bytes = frame.length === 0 ? oneByte : frame;
      if (zmq.zmq_send(this.#pointer, bytes, frame.length, flags) !== -1) return "sent";
    }
    const symbol = errnoSymbol(zmq.zmq_errno());
    if (symbol === "EAGAIN") return "full";
    if (symbol === "EHOSTUNREACH") return "unreachable";
    throw lastError(this.#library, "zmq_msg_send");
  }

  /** The next message, or `null` when there is none. `userId` is what the ZAP handler said of its connection. */
  receive(): { message: ReceivedMessage; userId: string | null } | null {
    this.#onUse();
    const first = this.#receiveFrame();
    if (first === -1) return null;
    const message = new ReceivedMessage(this.#pool);
    for (let length = first; ; length = this.#receiveFrame()) {
      assert(length !== -1, "libzmq delivers messages whole");
      const isLast = this.#library.zmq.zmq_msg_more(this.#next.pointer) === 0;
      const userId = isLast ? this.#userId() : null;
      this.#keepFrame(message, length);
      if (isLast) return { message, userId };
    }
  }

  /** Ends the socket; what was sent gets `lingerMs` to leave, in the background. */
  close(lingerMs = 0): void {
    assert(this.#open, "a socket is closed once");
    this.#open = false;
    this.setInt(socketOption.linger, lingerMs);
    this.#pool.close(this.#next);
    check(this.#library, "zmq_close", this.#library.zmq.zmq_close(this.#pointer));
  }

  /** Length of the frame that is now in `#next`, or -1. */
  #receiveFrame(): number {
    const { zmq } = this.#library;
    const length = zmq.zmq_msg_recv(this.#next.pointer, this.#pointer, sendFlag.dontWait);
    // What ends every reading is no error worth an object.
    if (length !== -1 || errnoSymbol(zmq.zmq_errno()) === "EAGAIN") return length;
    throw lastError(this.#library, "zmq_msg_recv");
  }

  /**
   * Who sent the frame that is now in `#next`. Not asked of the first one, the identity that a ROUTER puts in front: up to
   * libzmq 4.3.4 (which Windows has) that one has no user when a look at the events found the message.
   */
  #userId(): string | null {
    const { zmq, native } = this.#library;
    const user = zmq.zmq_msg_gets(this.#next.pointer, userIdProperty);
    return user === null ? null : native.text(user);
  }

  #keepFrame(message: ReceivedMessage, length: number): void {
    if (length <= copiedFrameBytesMax) return message.addCopy(this.#next, length);
    message.addFar(this.#next, length);
    this.#next = this.#pool.open();
  }

  #get(option: SocketOption, bytesMax: number): Uint8Array {
    const value = new Uint8Array(bytesMax);
    const length = new BigUint64Array([BigInt(bytesMax)]);
    const lengthBytes = new Uint8Array(length.buffer);
    const result = this.#library.zmq.zmq_getsockopt(this.#pointer, option, value, lengthBytes);
    check(this.#library, `zmq_getsockopt(${option})`, result);
    return value.subarray(0, Number(length[0]));
  }
}

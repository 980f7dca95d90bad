// Message memory: the zmq_msg_t structures that JavaScript holds, and views of the bytes behind them. A view is
// detached when its message leaves our hands, so a late read finds length 0 instead of freed memory.

import { assert } from "../../base/assert.ts";
import { detach } from "../../base/memory/detach.ts";
import { type Bytes, type FarBytes, nearBytes } from "../../base/memory/far-bytes.ts";
import { isWrittenTo, poison, poisons } from "../../base/poison.ts";
import type { Block, Received } from "../transport.ts";
import { check } from "./error.ts";
import type { Library } from "./library.ts";
import type { Pointer } from "./native.ts";

/** `sizeof (zmq_msg_t)` since libzmq 4.1, on every platform. */
const messageStructBytes = 64;
const slotsPerSlab = 64;
/** So much poisoned memory is kept from libzmq, to find out who uses it after its release. */
const keptPoisonBytesMax = 64 * 1024 * 1024;

/** Released memory of one frame. */
interface Poisoned {
  readonly slot: Slot;
  readonly view: Uint8Array;
}

/** Room for one zmq_msg_t. Holding a slot holds the memory that `pointer` points to, which is at `address`. */
export interface Slot {
  readonly pointer: Pointer;
  readonly address: number;
  readonly memory: Uint8Array;
}

/** Slots for messages, used again and again: one pool per transport. */
export class SlotPool {
  readonly #library: Library;
  readonly #free: Slot[] = [];
  /** What was released and not given back yet, oldest first; `null` where nothing is poisoned. */
  readonly #poisoned: Poisoned[] | null;
  #poisonedBytes = 0;
  #taken = 0;

  /** `isPoisoning`: what is released is made unusable, and looked at once more before libzmq has it back. */
  constructor(library: Library, isPoisoning = poisons()) {
    this.#library = library;
    this.#poisoned = isPoisoning ? [] : null;
  }

  /** How many slots are in use: 0 when everything was released. */
  get taken(): number {
    return this.#taken - (this.#poisoned?.length ?? 0);
  }

  /** An initialised message: empty, or of `length` bytes for us to fill. */
  open(length?: number): Slot {
    const { zmq } = this.#library;
    const slot = this.#take();
    try {
      if (length === undefined) check(this.#library, "zmq_msg_init", zmq.zmq_msg_init(slot.pointer));
      else check(this.#library, "zmq_msg_init_size", zmq.zmq_msg_init_size(slot.pointer, length));
    } catch (error) {
      this.give(slot);
      throw error;
    }
    return slot;
  }

  /** Takes back a message of which `view` is the one that was made, if any; nobody reads it any more. */
  release(slot: Slot, length: number, made: Uint8Array | null): void {
    if (this.#poisoned === null) {
      if (made !== null) detach(made);
      return this.close(slot);
    }
    const view = made ?? this.viewOf(slot, length);
    poison(view);
    this.#poisoned.push({ slot, view });
    this.#poisonedBytes += view.length;
    this.#giveBack(keptPoisonBytesMax);
  }

  /** Gives all that is poisoned back, and makes sure that nothing else is left. Only where something is poisoned. */
  checkReleased(): void {
    if (this.#poisoned === null) return;
    this.#giveBack(0);
    assert(this.taken === 0, "every message is released");
  }

  #giveBack(keptBytes: number): void {
    for (let kept = this.#poisonedBytes; kept > keptBytes; kept = this.#poisonedBytes) {
      const oldest = this.#poisoned?.shift();
      assert(oldest !== undefined, "what is poisoned is kept");
      const { slot, view } = oldest;
      assert(!isWrittenTo(view), "nobody writes to a message after its release");
      this.#poisonedBytes -= view.length;
      detach(view);
      this.close(slot);
    }
  }

  /** Closes the message in `slot`, and takes the slot back. */
  close(slot: Slot): void {
    check(this.#library, "zmq_msg_close", this.#library.zmq.zmq_msg_close(slot.pointer));
    this.give(slot);
  }

  /** The bytes of a message that is `length` bytes long: valid until it is closed or sent. */
  viewOf(slot: Slot, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    return this.#library.native.view(this.#dataOf(slot), length);
  }

  /** A copy of them. */
  copyOf(slot: Slot, length: number): Uint8Array {
    const at = this.addressOf(slot) - slot.address;
    // What is short lies in the structure itself, of which there is a view already.
    const isWithin = at >= 0 && at + length <= messageStructBytes;
    return isWithin ? slot.memory.slice(at, at + length) : this.viewOf(slot, length).slice();
  }

  /** Where the bytes of a message begin. */
  addressOf(slot: Slot): number {
    return this.#library.native.address(this.#dataOf(slot));
  }

  #dataOf(slot: Slot): Pointer {
    const data = this.#library.zmq.zmq_msg_data(slot.pointer);
    assert(data !== null, "a message has data");
    return data;
  }

  #take(): Slot {
    this.#taken += 1;
    return this.#free.pop() ?? this.#grow();
  }

  /** Takes back a slot whose message is closed, or was moved away by a send. */
  give(slot: Slot): void {
    this.#taken -= 1;
    this.#free.push(slot);
  }

  #grow(): Slot {
    const slab = new Uint8Array(messageStructBytes * slotsPerSlab);
    for (let offset = 0; offset < slab.length; offset += messageStructBytes) {
      const memory = slab.subarray(offset, offset + messageStructBytes);
      const pointer = this.#library.native.pointerTo(memory);
      this.#free.push({ memory, pointer, address: this.#library.native.address(pointer) });
    }
    return this.#free.pop() as Slot;
  }
}

/** The bytes of a message until it is released, or moved away: looked at when somebody asks. */
class HeldBytes {
  readonly #pool: SlotPool;
  readonly #length: number;
  #slot: Slot | null;
  #view: Uint8Array | null = null;

  constructor(pool: SlotPool, slot: Slot, length: number) {
    this.#pool = pool;
    this.#slot = slot;
    this.#length = length;
  }

  get length(): number {
    return this.#slot === null ? 0 : this.#length;
  }

  get address(): number {
    return this.#pool.addressOf(this.held);
  }

  protected get held(): Slot {
    assert(this.#slot !== null, "a message is sent or released once, and not used after that");
    return this.#slot;
  }

  view(): Uint8Array {
    // Behind its release nothing is there any more, as in a view that was made before.
    if (this.#slot !== null) this.#view ??= this.#pool.viewOf(this.#slot, this.#length);
    return this.#view ?? new Uint8Array(0);
  }

  release(): void {
    this.#pool.release(this.held, this.#length, this.#view);
    this.#slot = null;
  }

  /** libzmq took the message: nothing is left to close. */
  forget(): void {
    const slot = this.held;
    if (this.#view !== null) detach(this.#view);
    this.#pool.give(slot);
    this.#slot = null;
  }
}

/** Memory for one outgoing frame, allocated by libzmq and moved into it by `send`. */
export class MessageBlock extends HeldBytes implements Block {
  constructor(pool: SlotPool, length: number) {
    super(pool, pool.open(length), length);
  }

  get bytes(): Uint8Array {
    return this.view();
  }

  /** The message, for `zmq_msg_send`. */
  get pointer(): Pointer {
    return this.held.pointer;
  }
}

/** A large frame of a received message, until that is released. */
class FarFrame extends HeldBytes implements FarBytes {}

/** A received message: small frames are copies, large ones are looked at when somebody asks, until `release`. */
export class ReceivedMessage {
  readonly frames: Bytes[] = [];
  readonly #pool: SlotPool;
  readonly #far: FarFrame[] = [];
  #released = false;

  constructor(pool: SlotPool) {
    this.#pool = pool;
  }

  /** Views of all frames. */
  get near(): Received {
    return { frames: this.frames.map(nearBytes), release: () => this.release() };
  }

  addCopy(slot: Slot, length: number): void {
    this.frames.push(this.#pool.copyOf(slot, length));
  }

  /** Takes the message in `slot` over. */
  addFar(slot: Slot, length: number): void {
    const frame = new FarFrame(this.#pool, slot, length);
    this.#far.push(frame);
    this.frames.push(frame);
  }

  release(): void {
    assert(!this.#released, "a message is released once");
    this.#released = true;
    for (const frame of this.#far) frame.release();
  }
}

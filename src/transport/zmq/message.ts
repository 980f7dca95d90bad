// Message memory: the zmq_msg_t structures that JavaScript holds, and views of the bytes behind them. A view is
// detached when its message leaves our hands, so a late read finds length 0 instead of freed memory.

import { assert } from "../../base/assert.ts";
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

/** Room for one zmq_msg_t. Holding a slot holds the memory that `pointer` points to. */
export interface Slot {
  readonly pointer: Pointer;
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

  /** Takes back a message whose bytes are `view`, which nobody reads any more. */
  release(slot: Slot, view: Uint8Array): void {
    if (this.#poisoned === null) {
      detach(view);
      return this.close(slot);
    }
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
    const data = this.#library.zmq.zmq_msg_data(slot.pointer);
    assert(data !== null, "a message has data");
    return this.#library.native.view(data, length);
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
      this.#free.push({ memory, pointer: this.#library.native.pointerTo(memory) });
    }
    return this.#free.pop() as Slot;
  }
}

/** Makes every view of this memory empty, so that nobody can read or write it any more. */
function detach(bytes: Uint8Array): void {
  // To an empty buffer: one of the same length would count as new memory, and bring on the next collection.
  (bytes.buffer as ArrayBuffer).transfer(0);
}

/** Memory for one outgoing frame, allocated by libzmq and moved into it by `send`. */
export class MessageBlock implements Block {
  readonly bytes: Uint8Array;
  readonly #pool: SlotPool;
  #slot: Slot | null;

  constructor(pool: SlotPool, length: number) {
    this.#pool = pool;
    this.#slot = pool.open(length);
    this.bytes = pool.viewOf(this.#slot, length);
  }

  /** The message, for `zmq_msg_send`. */
  get pointer(): Pointer {
    assert(this.#slot !== null, "a block is sent once and not after its release");
    return this.#slot.pointer;
  }

  /** libzmq took the message: nothing is left to close. */
  forget(): void {
    assert(this.#slot !== null, "a block is sent once");
    detach(this.bytes);
    this.#pool.give(this.#slot);
    this.#slot = null;
  }

  release(): void {
    assert(this.#slot !== null, "a block is released once, and not after it was sent");
    this.#pool.release(this.#slot, this.bytes);
    this.#slot = null;
  }
}

/** A received message: small frames are copies, large ones views that `release` takes away. */
export class ReceivedMessage implements Received {
  readonly frames: Uint8Array[] = [];
  readonly #pool: SlotPool;
  readonly #slots: Slot[] = [];
  readonly #views: Uint8Array[] = [];
  #released = false;

  constructor(pool: SlotPool) {
    this.#pool = pool;
  }

  addCopy(slot: Slot, length: number): void {
    this.frames.push(this.#pool.viewOf(slot, length).slice());
  }

  /** Takes the message in `slot` over. */
  addView(slot: Slot, length: number): void {
    const view = this.#pool.viewOf(slot, length);
    this.#slots.push(slot);
    this.#views.push(view);
    this.frames.push(view);
  }

  release(): void {
    assert(!this.#released, "a message is released once");
    this.#released = true;
    for (const [index, slot] of this.#slots.entries())
      this.#pool.release(slot, this.#views[index] as Uint8Array);
  }
}

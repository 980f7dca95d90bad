// Memory that two threads share by its address: the one that owns it says where it lies, the other one looks there. The owner keeps
// it until the other one is done, and neither runtime knows of that: who calls this sees to it.

/** Addresses are numbers: none is above 2^53. */
export interface Memory {
  /** Where `bytes` begin, valid while somebody holds them. Of an empty one there is none. */
  addressOf(bytes: Uint8Array): number;
  /** The bytes there: valid as long as their owner keeps them. */
  viewAt(address: number, length: number): Uint8Array;
  /** `view`, which came from `viewAt`, is empty from now on: nobody reads there what is somebody else's again. */
  leave(view: Uint8Array): void;
}

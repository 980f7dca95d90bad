// Memory of bytes that are stored. The runtime lets as much garbage come together as there is memory in use, and bodies of requests are copied once
// more on their way: so it would be several times what may wait for the store. It is collected when so much of it is there.

import { collectGarbage } from "../../base/garbage.ts";

export class SpentBytes {
  readonly #max: number;
  #bytes = 0;

  /** Collects when there are `max` of them. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Nobody needs the memory of so many any more. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#max) return;
    this.#bytes = 0;
    collectGarbage();
  }
}

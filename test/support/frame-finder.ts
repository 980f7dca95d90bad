// Finds where ZMTP frames begin in the bytes of one direction of a connection: after the greeting of 64 bytes each one
// has a byte of flags, a length of one or eight bytes, and so many bytes. Used by the proxy that damages them.

const greetingBytes = 64;
const largeFlag = 2;

export class FrameFinder {
  #position = 0;
  #next = greetingBytes;
  #header: number[] = [];
  /** Frames whose first byte was seen. */
  frames = 0;

  /** Looks at the bytes that follow; `onFrame` gets the place of each frame's first byte, from the connection's start. */
  read(bytes: Uint8Array, onFrame: (frame: number, place: number) => void): void {
    const start = this.#position;
    this.#position += bytes.length;
    while (this.#next < this.#position) {
      if (this.#header.length === 0) onFrame(this.frames++, this.#next);
      this.#header.push(bytes[this.#next - start] ?? 0);
      this.#next++;
      if (this.#header.length === headerBytes(this.#header[0] ?? 0)) {
        this.#next += this.#header.slice(1).reduce((length, byte) => length * 256 + byte, 0);
        this.#header = [];
      }
    }
  }
}

function headerBytes(flags: number): number {
  return (flags & largeFlag) === 0 ? 2 : 9;
}

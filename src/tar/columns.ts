// Lists that take little more memory than what is in them: numbers, and texts as UTF-8. They only grow. Pure.

type Numbers =
  | Float64Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

const lengthFirst = 64;
const growth = 1.25;
// A text lies within one page: texts are shorter than the first one.
const pageBytesFirst = 8 * 1024;
const pageBytes = 256 * 1024;

/** Numbers of one kind. */
export class Column {
  readonly #make: new (
    length: number,
  ) => Numbers;
  #numbers: Numbers;
  #length = 0;

  constructor(make: new (length: number) => Numbers) {
    this.#make = make;
    this.#numbers = new make(lengthFirst);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const grown = new this.#make(Math.ceil(this.#length * growth));
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[this.#length++] = value;
  }

  at(index: number): number {
    return this.#numbers[index]!;
  }
}

/** Texts. */
export class TextColumn {
  readonly #pages: Uint8Array[] = [];
  /** Page, place in it and bytes of each text. */
  readonly #page = new Column(Uint16Array);
  readonly #place = new Column(Uint32Array);
  readonly #bytes = new Column(Uint16Array);
  #free = 0;

  get length(): number {
    return this.#bytes.length;
  }

  push(text: string): void {
    const bytes = new TextEncoder().encode(text);
    let page = this.#pages.at(-1);
    if (page === undefined || page.length - this.#free < bytes.length) {
      page = new Uint8Array(page === undefined ? pageBytesFirst : pageBytes);
      this.#pages.push(page);
      this.#free = 0;
    }
    page.set(bytes, this.#free);
    this.#page.push(this.#pages.length - 1);
    this.#place.push(this.#free);
    this.#bytes.push(bytes.length);
    this.#free += bytes.length;
  }

  at(index: number): string {
    const place = this.#place.at(index);
    const bytes = this.#pages[this.#page.at(index)]!.subarray(place, place + this.#bytes.at(index));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}

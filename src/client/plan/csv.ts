// Tables as spreadsheets save them: RFC 4180, and what differs from it there (the separator of the country, cells of several
// lines). Cells are text: a decimal comma, a leading zero and a date stay as they are. Pure.
//
// Own code, since what is to be said of a faulty file (the line in which the quote opens that nothing closes, every fault and
// not the first one) is most of it, and no library tells it.

export interface CsvRecord {
  /** The line that it begins in, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface CsvFault {
  readonly line: number;
  readonly text: string;
}

export interface CsvReading {
  readonly records: readonly CsvRecord[];
  readonly faults: readonly CsvFault[];
}

/** Reads `text`, whose cells have the one character `separator` between them. Lines without anything are left out. */
export function readCsv(text: string, separator: string): CsvReading {
  return new Reader(text, separator).read();
}

const separators = ["\t", ";", ","] as const;

/**
 * Reads `text` with the separator that it has: what its first line says ("sep=;", as Excel writes it), or the first of tab,
 * semicolon and comma that gives every line as many cells as the first, and more than one; else the one that the first line has most of.
 */
export function readSpreadsheet(text: string): CsvReading {
  const said = /^sep=(.)\r?\n/.exec(text);
  // What is blanked out keeps its line.
  if (said !== null) return readCsv(text.replace(/^[^\n]*/, ""), said[1] as string);
  const readings = separators.map((separator) => readCsv(text, separator));
  const widthOf = ({ records }: CsvReading): number => records[0]?.cells.length ?? 0;
  const isEven = (it: CsvReading): boolean =>
    widthOf(it) > 1 &&
    it.faults.length === 0 &&
    it.records.every(({ cells }) => cells.length === widthOf(it));
  const widest = readings.toSorted((a, b) => widthOf(b) - widthOf(a))[0] as CsvReading;
  return readings.find(isEven) ?? widest;
}

class Reader {
  readonly #text: string;
  readonly #separator: string;
  readonly #records: CsvRecord[] = [];
  readonly #faults: CsvFault[] = [];
  #at = 0;
  #line = 1;

  constructor(text: string, separator: string) {
    this.#text = text;
    this.#separator = separator;
  }

  read(): CsvReading {
    while (this.#at < this.#text.length) this.#record();
    return { records: this.#records, faults: this.#faults };
  }

  #record(): void {
    const line = this.#line;
    const cells = [this.#cell()];
    while (this.#text[this.#at] === this.#separator) {
      this.#at++;
      cells.push(this.#cell());
    }
    this.#lineEnd();
    if (cells.length > 1 || cells[0] !== "") this.#records.push({ line, cells });
  }

  #cell(): string {
    if (this.#text[this.#at] !== '"') return this.#plain();
    const quoted = this.#quoted();
    const behind = this.#plain();
    if (behind.trim() !== "") {
      this.#faults.push({
        line: this.#line,
        text: `there is text behind the quote that ends a cell: ${behind.trim()}`,
      });
    }
    return quoted;
  }

  /** Up to the next separator or the end of the line. A quote within is one. */
  #plain(): string {
    const from = this.#at;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at];
      if (character === this.#separator || character === "\n" || character === "\r") break;
      this.#at++;
    }
    return this.#text.slice(from, this.#at);
  }

  /** A cell in quotes: all up to the quote that ends it; two quotes are one. */
  #quoted(): string {
    const line = this.#line;
    let cell = "";
    for (let from = this.#at + 1; ; ) {
      const quote = this.#text.indexOf('"', from);
      const part = this.#text.slice(from, quote < 0 ? undefined : quote);
      cell += part;
      this.#line += part.match(/\r\n|\n|\r/g)?.length ?? 0;
      this.#at = quote < 0 ? this.#text.length : quote + 1;
      if (quote < 0) {
        this.#faults.push({ line, text: "a quote opens a cell, and none closes it" });
        return cell;
      }
      if (this.#text[this.#at] !== '"') return cell;
      cell += '"';
      from = this.#at + 1;
    }
  }

  #lineEnd(): void {
    if (this.#text[this.#at] === "\r") this.#at++;
    if (this.#text[this.#at] === "\n") this.#at++;
    this.#line++;
  }
}

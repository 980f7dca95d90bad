// The line in which each key of a TOML file stands, which the library that reads it does not tell. Looks at the shape alone:
// the text has been read before, so everything in it is where it may be.

import { parse } from "smol-toml";

/** Keys, and numbers for the places in a list. */
export type TomlPath = readonly (string | number)[];

// Nothing that we read lies deeper. Of what does, the line of what it is in is told.
const depthMax = 32;

/** Where the members of a file stand. */
export class TomlLines {
  readonly #lines = new Map<string, number>();

  /** `text` is TOML, which was read without a fault. */
  constructor(text: string) {
    new Scan(text, (path, line) => {
      const key = JSON.stringify(path);
      if (!this.#lines.has(key)) this.#lines.set(key, line);
    }).run();
  }

  /** The line, from 1, where the member at `path`, or else the table that it would be in, was found. */
  lineOf(path: TomlPath): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }
}

class Scan {
  readonly #text: string;
  readonly #found: (path: TomlPath, line: number) => void;
  /** How many tables each list of tables has so far, by its path. */
  readonly #tables = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string, found: (path: TomlPath, line: number) => void) {
    this.#text = text;
    this.#found = found;
  }

  run(): void {
    let table: TomlPath = [];
    if (this.#text.startsWith("\ufeff")) this.#at++;
    for (this.#skipVoid(); this.#at < this.#text.length; this.#skipVoid()) {
      if (this.#text[this.#at] === "[") table = this.#header();
      else this.#member(table);
    }
  }

  #header(): TomlPath {
    const isList = this.#text.startsWith("[[", this.#at);
    this.#at += isList ? 2 : 1;
    const line = this.#line;
    const keys = this.#keys("]");
    this.#at += isList ? 2 : 1;
    const path = this.#resolve([], isList ? keys.slice(0, -1) : keys, line);
    if (!isList) return path;
    const list = [...path, keys.at(-1) as string];
    const count = this.#tables.get(JSON.stringify(list)) ?? 0;
    this.#tables.set(JSON.stringify(list), count + 1);
    this.#found(list, line);
    this.#found([...list, count], line);
    return [...list, count];
  }

  /** The path of `keys` below `table`; a list of tables stands for the last one in it. */
  #resolve(table: TomlPath, keys: readonly string[], line: number): TomlPath {
    const path = [...table];
    for (const key of keys) {
      path.push(key);
      if (path.length > depthMax) continue;
      this.#found([...path], line);
      const count = this.#tables.get(JSON.stringify(path));
      if (count !== undefined) path.push(count - 1);
    }
    return path;
  }

  #member(table: TomlPath): void {
    const line = this.#line;
    const keys = this.#keys("=");
    this.#at++;
    this.#value(this.#resolve(table, keys, line));
  }

  /** The keys from here to `end`, at which it stops. */
  #keys(end: string): readonly string[] {
    const from = this.#at;
    while (this.#text[this.#at] !== end && this.#at < this.#text.length) {
      if (/["']/.test(this.#text[this.#at] as string)) this.#skipString();
      else this.#at++;
    }
    const written = this.#text.slice(from, this.#at).trim();
    // Most are one plain word.
    if (/^[\w-]+$/.test(written)) return [written];
    const keys: string[] = [];
    let value: unknown = parse(`${written} = 0`);
    while (typeof value === "object" && value !== null) {
      const [key, member] = Object.entries(value)[0] as [string, unknown];
      keys.push(key);
      value = member;
    }
    return keys;
  }

  #value(path: TomlPath): void {
    this.#skipVoid();
    const first = this.#text[this.#at] as string;
    if (/["']/.test(first)) this.#skipString();
    else if (first === "[") this.#items("]", (index) => this.#item([...path, index]));
    else if (first === "{") this.#items("}", () => this.#member(path));
    else while (this.#at < this.#text.length && !/[,\]}\n#]/.test(this.#text[this.#at] as string)) this.#at++;
  }

  #item(path: TomlPath): void {
    if (path.length <= depthMax) this.#found(path, this.#line);
    this.#value(path);
  }

  #items(end: string, read: (index: number) => void): void {
    this.#at++;
    for (let index = 0; this.#at < this.#text.length; index++) {
      this.#skipVoid();
      if (this.#text[this.#at] === end) break;
      read(index);
      this.#skipVoid();
      if (this.#text[this.#at] === ",") this.#at++;
    }
    this.#at++;
  }

  #skipVoid(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] as string;
      if (character === "\n") this.#line++;
      else if (character === "#") {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = (end < 0 ? this.#text.length : end) - 1;
      } else if (!/[ \t\r]/.test(character)) return;
    }
  }

  #skipString(): void {
    const quote = this.#text[this.#at] as string;
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      if (this.#text[this.#at] === "\\" && quote === '"') this.#at++;
      if (this.#text[this.#at] === "\n") this.#line++;
      this.#at++;
    }
    this.#at += end.length;
    // The last two characters of a long one may be quotes as well.
    if (isLong) while (this.#text[this.#at] === quote) this.#at++;
  }
}

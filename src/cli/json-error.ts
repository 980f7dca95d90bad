// Where JSON is wrong. `JSON.parse` decides whether a text is JSON; the runtimes' messages do not all say where it is
// not, and somebody who edits a metadata file by hand needs the line. Called only after `JSON.parse` failed.

export interface JsonFault {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong there, as the rest of a sentence: `expected a comma or "}"`. */
  readonly reason: string;
}

/** The first place where `text` stops being JSON, or `null` when none is found. */
export function findJsonFault(text: string): JsonFault | null {
  const scanner = new Scanner(text);
  const fault = scanner.scan();
  if (fault === null) return null;
  const before = text.slice(0, fault.at).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1, reason: fault.reason };
}

interface Fault {
  readonly at: number;
  readonly reason: string;
}

const space = /[ \t\r\n]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in strings
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

/** Walks over the text with a stack of its own, so that no depth of nesting can exhaust the machine's. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): Fault | null {
    const closers: ("}" | "]")[] = [];
    this.#skip(space);
    do {
      const opened = this.#open(closers);
      if (typeof opened === "object") return opened;
      if (opened) continue;
      const fault = this.#close(closers);
      if (fault) return fault;
    } while (closers.length > 0);
    return this.#at < this.#text.length ? this.#fault("expected nothing more") : null;
  }

  /** Takes a key where one is due, and a value. Returns whether that value is a container that goes on inside. */
  #open(closers: ("}" | "]")[]): Fault | boolean {
    if (closers.at(-1) === "}") {
      if (this.#text[this.#at] !== '"') return this.#fault("expected a name in double quotes");
      if (!this.#skip(string)) return this.#stringFault();
      this.#skip(space);
      if (!this.#take(":")) return this.#fault("expected a colon");
    }
    const opener = this.#text[this.#at];
    if (opener === "{" || opener === "[") {
      this.#take(opener);
      const closer = opener === "{" ? "}" : "]";
      closers.push(closer);
      return this.#text[this.#at] !== closer;
    }
    if (opener === '"') return this.#skip(string) ? false : this.#stringFault();
    return this.#skip(scalar)
      ? false
      : this.#fault(opener === "'" ? "expected double quotes" : "expected a value");
  }

  /** After a value: a comma leads to the next one, closers end containers. */
  #close(closers: ("}" | "]")[]): Fault | null {
    this.#skip(space);
    for (let closer = closers.at(-1); closer !== undefined; closer = closers.at(-1)) {
      if (this.#take(",")) return null;
      if (!this.#take(closer)) return this.#fault(`expected a comma or "${closer}"`);
      closers.pop();
    }
    return null;
  }

  /** Takes `character` and the white space after it. */
  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#skip(space);
    return true;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return false;
    this.#at += found[0].length;
    return true;
  }

  #fault(reason: string): Fault {
    const isEnd = this.#at >= this.#text.length;
    return { at: this.#at, reason: isEnd ? `${reason}, found the end of the file` : reason };
  }

  /** Says what a string that begins here lacks. */
  #stringFault(): Fault {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const sound = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
    this.#skip(sound);
    const found = this.#text[this.#at];
    if (found === "\\") return this.#fault('found a lone "\\" in a text (write "\\\\")');
    return this.#fault("expected a double quote that ends the text");
  }
}

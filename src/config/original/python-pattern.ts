// A regular expression of Python's in RE2's syntax. What both write in the same way and mean otherwise is written anew; what no
// expression of linear time can say is named. Pure.

/** What `text` is there, or what of it cannot be said, each as the end of a sentence about it. */
export interface Translation {
  readonly pattern: string;
  readonly faults: readonly string[];
}

// What Python calls a digit, a letter and a space is any of Unicode's; RE2 has ASCII's.
const unicodeClasses: Readonly<Record<string, string>> = {
  d: "\\p{Nd}",
  w: "\\p{L}\\p{N}_",
  s: "\\s\\v\\x1c-\\x1f\\x85\\p{Z}",
};
const lookaround = (what: string): string => `has ${what}, which an expression of linear time cannot have`;
const groups: readonly (readonly [start: string, fault: string])[] = [
  ["?=", lookaround('a look-ahead "(?=…)"')],
  ["?!", lookaround('a look-ahead "(?!…)"')],
  ["?<=", lookaround('a look-behind "(?<=…)"')],
  ["?<!", lookaround('a look-behind "(?<!…)"')],
  ["?P=", lookaround('a back-reference "(?P=…)"')],
  ["?(", lookaround('a condition "(?(…)…)"')],
  ["?>", lookaround('an atomic group "(?>…)"')],
];

export function translatePython(text: string): Translation {
  return new Translator(text).translation();
}

class Translator {
  readonly #text: string;
  readonly #faults = new Set<string>();
  #at = 0;
  #pattern = "";

  constructor(text: string) {
    this.#text = text;
  }

  translation(): Translation {
    while (this.#at < this.#text.length) this.#pattern += this.#next();
    return { pattern: this.#pattern, faults: [...this.#faults] };
  }

  #next(): string {
    const character = this.#take();
    if (character === "\\") return this.#escape(false);
    if (character === "[") return this.#class();
    if (character === "(") return this.#group();
    if (character === "{") return this.#repetition();
    return character;
  }

  #take(): string {
    const character = this.#text[this.#at] ?? "";
    this.#at += 1;
    return character;
  }

  /** What `pattern` has from here on, which is passed over; `null`: something else is there. */
  #match(pattern: RegExp): RegExpExecArray | null {
    const found = new RegExp(pattern.source, "y");
    found.lastIndex = this.#at;
    const match = found.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  #escape(isInClass: boolean): string {
    const octal = this.#match(/0[0-7]{0,2}|[1-3][0-7]{2}/);
    if (octal !== null) return hex(Number.parseInt(octal[0], 8));
    const code = this.#match(/x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})/);
    if (code !== null) return hex(Number.parseInt(code[0].slice(1), 16));
    const character = this.#take();
    if (/[1-9]/.test(character)) return this.#fault(lookaround(`a back-reference "\\${character}"`));
    const set = unicodeClasses[character.toLowerCase()];
    if (set !== undefined) return this.#set(character, set, isInClass);
    if (isInClass) return character === "b" ? hex(8) : this.#literal(character, "afnrtv");
    return character === "Z" ? "\\z" : this.#literal(character, "AbBafnrtv");
  }

  #set(letter: string, set: string, isInClass: boolean): string {
    const isNegated = letter !== letter.toLowerCase();
    if (!isInClass) return `[${isNegated ? "^" : ""}${set}]`;
    if (!isNegated) return set;
    // Together with what it leaves out it is everything, which is what people mean; alone it is less of Unicode than Python's.
    return letter === "D" ? "\\P{Nd}" : `\\${letter}`;
  }

  #literal(character: string, known: string): string {
    if (character !== "" && known.includes(character)) return `\\${character}`;
    if (character === "" || /[A-Za-z]/.test(character))
      return this.#fault(`has "\\${character}", which is not understood`);
    return /[!-/:-@[-`{-~]/.test(character) ? `\\${character}` : character;
  }

  #class(): string {
    let text = `[${this.#match(/\^/)?.[0] ?? ""}`;
    if (this.#match(/\]/) !== null) text += "\\]";
    while (this.#at < this.#text.length) {
      const character = this.#take();
      if (character === "]") return `${text}]`;
      if (character === "\\") text += this.#escape(true);
      else text += character === "[" ? "\\[" : character;
    }
    return this.#fault('has a "[" that is not closed');
  }

  #group(): string {
    if (this.#match(/\?#[^)]*\)/) !== null) return "";
    const fault = groups.find(([start]) => this.#text.startsWith(start, this.#at))?.[1];
    if (fault !== undefined) return this.#fault(fault);
    const flags = this.#match(/\?([aiLmsux]*)(-[imsx]+)?([:)])/);
    if (flags === null) return "(";
    const [, on = "", off = "", end] = flags;
    if (/[aLx]/.test(on) || off.includes("x"))
      return this.#fault(
        `has the flags "${flags[0].slice(1, -1)}", of which only i, m, s and u can be taken over`,
      );
    const said = on.replaceAll("u", "") + off;
    return said === "" && end === ")" ? "" : `(?${said}${end}`;
  }

  #repetition(): string {
    const open = this.#match(/,(\d*)\}/);
    return open === null ? "{" : `{0,${open[1]}}`;
  }

  #fault(text: string): string {
    this.#faults.add(text);
    return "";
  }
}

function hex(code: number): string {
  return `\\x{${code.toString(16)}}`;
}

// JSON as text. What JavaScript makes of JSON is not what was written: numbers lose digits, members with names like
// "10" change places, of two members with one name the first is lost. So what people and instruments write stays text
// here, and is checked, taken apart, put together and laid out without ever becoming a value. Pure.

/** Where a text stops being JSON. */
export interface JsonFault {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong there, as the rest of a sentence: `expected a comma or "}"`. */
  readonly reason: string;
}

/** A member of an object: its name, and its value as JSON text. */
export interface JsonMember {
  readonly name: string;
  /** The name as it is written, in quotes. */
  readonly written: string;
  readonly value: string;
}

/** A member that nobody wrote yet; `value` is JSON. */
export function jsonMember(name: string, value: string): JsonMember {
  return { name, written: JSON.stringify(name), value };
}

/** What a text that is JSON holds. */
export interface JsonContent {
  /** The members in their order where the text is an object, else `null`. */
  readonly members: readonly JsonMember[] | null;
  /** Members whose name was there already in the same object, as paths: `run.samples[2].id`. */
  readonly repeated: readonly string[];
}

export type JsonReading =
  | { readonly type: "json"; readonly content: JsonContent }
  | { readonly type: "no-json"; readonly fault: JsonFault }
  | { readonly type: "too-deep" };

// More of them say nothing more, and every path costs memory.
const repeatedMax = 20;

/** Reads `text`, of which nothing is known. Objects and arrays within each other beyond `depthMax` end the reading. */
export function readJson(text: string, depthMax = Number.POSITIVE_INFINITY): JsonReading {
  const scanner = new Scanner(text, depthMax);
  const fault = scanner.scan();
  if (fault === "too-deep") return { type: "too-deep" };
  if (fault === null) return { type: "json", content: scanner.content() };
  const before = text.slice(0, fault.at).split("\n");
  const place = { line: before.length, column: before.at(-1)!.length + 1 };
  return { type: "no-json", fault: { ...place, reason: fault.reason } };
}

/** The value of the JSON in `text`, or `undefined`: it is none. For what needs no more of it than `JSON.parse` tells. */
export function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The members of the object that `text` holds, as they are written and in their order, or `null`: it holds none. */
export function jsonMembers(text: string): readonly JsonMember[] | null {
  const reading = readJson(text);
  return reading.type === "json" ? reading.content.members : null;
}

/** The object with these members, in this order. */
export function objectText(members: readonly JsonMember[]): string {
  return `{${members.map(({ written, value }) => `${written}:${value}`).join(",")}}`;
}

/** `text`, which is JSON, without the spaces and line breaks between its tokens. */
export function compactJson(text: string): string {
  return [...tokensOf(text)].join("");
}

/** `text`, which is JSON, laid out as `JSON.stringify` does with two spaces. Every token stays as it is. */
export function indentedJson(text: string): string {
  let out = "";
  let depth = 0;
  let last = "";
  for (const token of tokensOf(text)) {
    const isCloser = token === "}" || token === "]";
    if (isCloser) depth--;
    const isFirst = last === "{" || last === "[";
    // An empty object stays on its line.
    if (isFirst ? !isCloser : isCloser || last === ",") out += `\n${"  ".repeat(depth)}`;
    out += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth++;
    last = token;
  }
  return out;
}

/** `text` with the escape of JSON for each of its UTF-16 units. */
export function escapedUnits(text: string): string {
  return text.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Whether two JSON texts say the same: members in any order, numbers by their decimal value, however many digits. */
export function sameJson(a: string, b: string): boolean {
  return a === b || canonical(exactValue(a)) === canonical(exactValue(b));
}

/** One text for all JSON that `sameJson` takes for the same, or `null` when `text` is no JSON. */
export function canonicalJson(text: string): string | null {
  try {
    return canonical(exactValue(text));
  } catch {
    return null;
  }
}

/**
 * Text of the field at `path` ("instrument.kind") of the object that `text`, which is JSON, holds: of a number as it is written. `null`
 * where it is not there, or is no text, number or truth value.
 */
export function fieldText(text: string, path: string): string | null {
  let value = text;
  for (const step of path.split(".")) {
    const found = jsonMembers(value)?.findLast((it) => it.name === step);
    if (found === undefined) return null;
    value = found.value.trim();
  }
  if (value.startsWith('"')) return JSON.parse(value) as string;
  return /^(null$|[{[])/.test(value) ? null : value;
}

interface Fault {
  readonly at: number;
  readonly reason: string;
}

/** An object or array that the scanner is in. */
interface Container {
  readonly closer: "}" | "]";
  /** Where this container is: its member's name or its position in the one around it. */
  readonly name: string | number;
  /** The member, or the element, that the scanner is at. */
  at: string | number;
  /** Names so far: made at the second member, since most of a deep text has one. */
  names: Set<string> | null;
}

const space = /[ \t\r\n]*/y;
const spaceLast = 0x20;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in strings
const plainPart = /[^"\\\u0000-\u001f]*/y;
const escapePart = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Walks over the text with a stack of its own, so that no depth of nesting can exhaust the machine's. */
class Scanner {
  readonly #text: string;
  readonly #depthMax: number;
  readonly #open: Container[] = [];
  readonly #repeated: string[] = [];
  readonly #members: { name: string; written: string; from: number; to: number }[] = [];
  #isObject = false;
  #at = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  scan(): Fault | "too-deep" | null {
    this.#skipSpace();
    do {
      const opened = this.#enter();
      if (typeof opened === "object") return opened;
      if (this.#open.length > this.#depthMax) return "too-deep";
      if (opened) continue;
      const fault = this.#leave();
      if (fault) return fault;
    } while (this.#open.length > 0);
    return this.#at < this.#text.length ? this.#fault("expected nothing more") : null;
  }

  content(): JsonContent {
    const members = this.#members.map(({ name, written, from, to }) => {
      return { name, written, value: this.#text.slice(from, to).trimEnd() };
    });
    return { members: this.#isObject ? members : null, repeated: this.#repeated };
  }

  /** Takes a name where one is due, and a value. Returns whether that value is a container that goes on inside. */
  #enter(): Fault | boolean {
    const around = this.#open.at(-1);
    if (around?.closer === "}") {
      const fault = this.#takeName(around);
      if (fault) return fault;
    }
    const opener = this.#text[this.#at];
    if (opener === "{" || opener === "[") {
      const closer = opener === "{" ? "}" : "]";
      if (around === undefined) this.#isObject = closer === "}";
      this.#take(opener);
      this.#open.push({ closer, name: around?.at ?? "", at: closer === "}" ? "" : 0, names: null });
      return this.#text[this.#at] !== closer;
    }
    if (opener === '"') return this.#skipString() ? false : this.#stringFault();
    return this.#skip(scalar)
      ? false
      : this.#fault(opener === "'" ? "expected double quotes" : "expected a value");
  }

  #takeName(object: Container): Fault | null {
    if (this.#text[this.#at] !== '"') return this.#fault("expected a name in double quotes");
    const from = this.#at;
    if (!this.#skipString()) return this.#stringFault();
    // Names are equal when what they say is: "a" and "\u0061" are one.
    const written = this.#text.slice(from, this.#at);
    const name = written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
    this.#skipSpace();
    if (!this.#take(":")) return this.#fault("expected a colon");
    this.#noteName(object, name);
    if (this.#open.length === 1) this.#members.push({ name, written, from: this.#at, to: this.#at });
    return null;
  }

  #noteName(object: Container, name: string): void {
    const isFirst = object.names === null;
    object.names ??= new Set();
    const isRepeated = !isFirst && object.names.has(name);
    object.names.add(name);
    object.at = name;
    if (isRepeated && this.#repeated.length < repeatedMax) this.#repeated.push(this.#path());
  }

  /** Of the member that the scanner is at. */
  #path(): string {
    const names = [...this.#open.slice(1).map((it) => it.name), this.#open.at(-1)!.at];
    return names
      .map((name, index) => (typeof name === "number" ? `[${name}]` : `${index === 0 ? "" : "."}${name}`))
      .join("");
  }

  /** After a value: a comma leads to the next one, closers end containers. */
  #leave(): Fault | null {
    if (this.#open.length === 1) this.#endMember();
    this.#skipSpace();
    for (let around = this.#open.at(-1); around !== undefined; around = this.#open.at(-1)) {
      if (this.#take(",")) {
        if (typeof around.at === "number") around.at++;
        return null;
      }
      if (!this.#take(around.closer)) return this.#fault(`expected a comma or "${around.closer}"`);
      this.#open.pop();
      if (this.#open.length === 1) this.#endMember();
    }
    return null;
  }

  #endMember(): void {
    const member = this.#members.at(-1);
    if (member !== undefined) member.to = this.#at;
  }

  /** Takes `character` and the white space after it. */
  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#skipSpace();
    return true;
  }

  // Between most tokens there is none, which takes no expression to tell.
  #skipSpace(): void {
    if (this.#text.charCodeAt(this.#at) <= spaceLast) this.#skip(space);
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  /** Takes a string; where it is none, stops at what is wrong. One expression for all of it fails at some millions. */
  #skipString(): boolean {
    this.#at++;
    do this.#skip(plainPart);
    while (this.#skip(escapePart));
    if (this.#text[this.#at] !== '"') return false;
    this.#at++;
    return true;
  }

  #fault(reason: string): Fault {
    const isEnd = this.#at >= this.#text.length;
    return { at: this.#at, reason: isEnd ? `${reason}, found the end` : reason };
  }

  /** Says what the string lacks in which the scanner stopped. */
  #stringFault(): Fault {
    if (this.#text[this.#at] === "\\") return this.#fault('found a lone "\\" in a text (write "\\\\")');
    return this.#fault("expected a double quote that ends the text");
  }
}

/** The tokens of a text that is JSON. */
function* tokensOf(text: string): Generator<string> {
  let at = 0;
  while (at < text.length) {
    const from = at;
    const first = text[at]!;
    if (first === '"') {
      at = stringEnd(text, at);
      yield text.slice(from, at);
    } else if ("{}[],:".includes(first)) {
      at++;
      yield first;
    } else if (" \t\r\n".includes(first)) {
      at++;
    } else {
      while (at < text.length && !" \t\r\n{}[],:".includes(text[at]!)) at++;
      yield text.slice(from, at);
    }
  }
}

/** Behind the quote that ends the string which begins at `at`. */
function stringEnd(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === "\\") next++;
    else if (text[next] === '"') return next + 1;
  }
  return text.length;
}

/** A number by its decimal value. */
class Decimal {
  readonly text: string;

  constructor(source: string) {
    this.text = decimalOf(source);
  }
}

/** Gives the text of every number; ES2025, not in TypeScript's library yet. */
type SourceReviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

function exactValue(text: string): unknown {
  const reviver: SourceReviver = (_, value, { source }) =>
    typeof value === "number" ? new Decimal(source ?? String(value)) : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}

function canonical(value: unknown): string {
  if (value instanceof Decimal) return value.text;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

// An exponent with more digits cannot be added to exactly; two such numbers are then equal when they are written alike.
const exponentDigitsMax = 15;

/** One form for all ways to write the same decimal number: its significant digits and the power of ten of the last. */
function decimalOf(source: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const digits = whole + fraction;
  // Loops: a search for zeros at the end would begin again at each zero.
  let from = 0;
  while (digits[from] === "0") from++;
  if (from === digits.length) return "0";
  let to = digits.length;
  while (digits[to - 1] === "0") to--;
  if (exponent.length > exponentDigitsMax) return source;
  return `${sign}${digits.slice(from, to)}e${Number(exponent) - fraction.length + digits.length - to}`;
}

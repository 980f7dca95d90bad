// What stands on a terminal after what was written to it: lines that are broken at its edge, the cursor, and the few escape
// sequences that dync writes. It breaks lines anew when it becomes narrower, as most terminals do. Any other sequence is a fault.

export class Screen {
  #columns: number;
  #rows: string[] = [""];
  #row = 0;
  #column = 0;
  #wraps = true;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The lines that can be seen, without blanks at their ends, and without empty ones at the end. */
  get lines(): readonly string[] {
    const lines = this.#rows.map((text) => text.trimEnd());
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  write(text: string): void {
    for (const [part] of text.matchAll(/\p{Cc}\[\??[0-9;]*[A-Za-z]|./gsu)) {
      if (part.startsWith("\x1b")) this.#obey(part.slice(1));
      else if (part === "\r") this.#column = 0;
      else if (part === "\n") this.#down();
      else this.#put(part);
    }
  }

  /** The terminal has another width. */
  resize(columns: number): void {
    const rows: string[] = [];
    let cursor = 0;
    for (const [at, text] of this.#rows.entries()) {
      for (let from = 0; from === 0 || from < text.length; from += columns)
        rows.push(text.slice(from, from + columns));
      if (at === this.#row) cursor = rows.length - 1;
    }
    this.#rows = rows;
    this.#row = cursor;
    this.#column = Math.min(this.#column % columns, columns - 1);
    this.#columns = columns;
  }

  #obey(sequence: string): void {
    const count = Number(/\d+/.exec(sequence)?.[0] ?? 1);
    if (/^\[\d+A$/.test(sequence)) this.#row = Math.max(0, this.#row - count);
    else if (sequence === "[K") this.#cut();
    else if (sequence === "[J") {
      this.#cut();
      this.#rows.length = this.#row + 1;
    } else if (sequence === "[?7l") this.#wraps = false;
    else if (sequence === "[?7h") this.#wraps = true;
    // Colours.
    else if (!/^\[[0-9;]*m$/.test(sequence)) throw new Error(`Not known: ${JSON.stringify(sequence)}`);
  }

  #down(): void {
    this.#row += 1;
    this.#column = 0;
    this.#rows[this.#row] ??= "";
  }

  #cut(): void {
    this.#rows[this.#row] = this.#text.slice(0, this.#column);
  }

  get #text(): string {
    return this.#rows[this.#row] ?? "";
  }

  #put(character: string): void {
    if (this.#column === this.#columns) {
      if (!this.#wraps) this.#column -= 1;
      else this.#down();
    }
    const before = this.#text.slice(0, this.#column).padEnd(this.#column);
    this.#rows[this.#row] = before + character + this.#text.slice(this.#column + 1);
    this.#column += 1;
  }
}

// `--metadata-from`: a spreadsheet with one row for each file or folder that is sent, and its fields. Pure.

import { type JsonMember, jsonMember } from "../../base/json-text.ts";
import { type CsvRecord, readSpreadsheet } from "./csv.ts";

/** What is wrong with a table, and what follows from it. */
export interface TableFault {
  /** From 1; `null` where it is nothing that stands in the table. */
  readonly line: number | null;
  readonly text: string;
  readonly hint?: string;
}

interface Row {
  readonly line: number;
  /** What the row is for, as it is written, and taken apart. */
  readonly key: string;
  readonly parts: readonly string[];
  readonly members: readonly JsonMember[];
  /** The file or folder that turned out to be it. */
  path: string | null;
}

interface Column {
  readonly at: number;
  readonly name: string;
}

/** Headers of the column that names the file or folder; without any of them it is the first one. */
const keyHeaders = ["file", "folder", "path"];
// Who has more of them reads the first ones.
const faultsMax = 1000;
const hintOfSending = "send it as well: what is stored already is compared only. Or take the row out";

export class RunsTable {
  readonly #faults: TableFault[] = [];
  /** Whether its rows are known: else it cannot be told what is missing. */
  #isRead = false;
  /** Columns that have a header, and those between them. */
  #width = 0;
  // By the last part of what they are for.
  readonly #rows = new Map<string, Row[]>();

  /** Reads the content of a file. */
  constructor(bytes: Uint8Array) {
    this.#read(bytes);
  }

  #read(bytes: Uint8Array): void {
    if (isWorkbook(bytes)) {
      const hint = 'save it as CSV, for example as "CSV UTF-8"';
      return this.#fault(null, "it is a workbook, and no CSV", hint);
    }
    const { records, faults } = readSpreadsheet(decoded(bytes));
    for (const { line, text } of faults) this.#fault(line, text);
    const [header, ...rest] = records.filter(({ cells }) => cells.some((cell) => cell.trim() !== ""));
    if (header === undefined) return this.#fault(null, "it has no line that names its columns");
    const columns = this.#columns(header);
    this.#isRead = this.#faults.length === 0;
    for (const record of rest) this.#row(record, columns);
  }

  /** The columns that have a header, that of the files first. */
  #columns({ cells, line }: CsvRecord): readonly Column[] {
    const names = cells.map((cell) => cell.trim());
    this.#width = names.findLastIndex((name) => name !== "") + 1;
    const keys = names.flatMap((name, at) => (keyHeaders.includes(name.toLowerCase()) ? [at] : []));
    if (keys.length > 1) {
      const listed = keys.map((at) => `"${names[at]}"`).join(", ");
      this.#fault(line, `several columns may name the files: ${listed}`, "rename all but one of them");
    }
    const key = keys[0] ?? 0;
    const columns = [{ at: key, name: names[key]! }];
    for (const [at, name] of names.slice(0, this.#width).entries()) {
      if (name === "") this.#fault(line, `column ${at + 1} has no header`);
      else if (columns.some((column) => column.name === name && column.at !== at))
        this.#fault(line, `two columns have the header "${name}"`);
      else if (at !== key) columns.push({ at, name });
    }
    return columns;
  }

  #row({ line, cells }: CsvRecord, [keyColumn, ...columns]: readonly Column[]): void {
    const key = cells[keyColumn!.at]?.trim() ?? "";
    const parts = partsOf(key);
    const last = parts.at(-1);
    if (last === undefined) return this.#fault(line, "it names no file");
    const like = this.#rows.get(last) ?? [];
    const earlier = like.find((row) => row.parts.join("/") === parts.join("/"));
    if (earlier !== undefined) return this.#fault(line, `"${key}" stands in line ${earlier.line} already`);
    const width = this.#width;
    const extra = cells.findIndex((cell, at) => at >= width && cell.trim() !== "");
    if (extra >= 0) this.#fault(line, `column ${extra + 1} has "${cells[extra]}", and no header`);
    // Where a quote swallowed what follows, that was said.
    if (cells.length < width && !this.#faults.some((fault) => fault.line === line))
      this.#fault(line, `it has ${cells.length} of ${width} columns: is a separator missing, or a quote?`);
    const given = columns.filter(({ at }) => (cells[at] ?? "").trim() !== "");
    const members = given.map(({ at, name }) => jsonMember(name, JSON.stringify(cells[at])));
    this.#rows.set(last, [...like, { line, key, parts, members, path: null }]);
  }

  /**
   * Takes down that the file or folder at `path` (absolute) is sent, and what is wrong with that. To be called once for each, in
   * any order, before `finish`.
   */
  note(path: string): void {
    if (!this.#isRead) return;
    const rows = this.#rowsFor(path);
    const [row] = rows;
    if (row === undefined) return this.#fault(null, `it has no row for "${partsOf(path).at(-1)}"`);
    if (rows.length > 1) {
      const lines = rows.map(({ line }) => line).join(" and ");
      this.#fault(row.line, `lines ${lines} both mean "${path}"`);
    } else if (row.path !== null) {
      const hint = "write more of its path into the table";
      this.#fault(row.line, `"${row.key}" may be "${row.path}" or "${path}"`, hint);
    }
    for (const one of rows) one.path ??= path;
  }

  /** Everything was noted: all that is wrong, in the order of the lines. */
  finish(): readonly TableFault[] {
    const rows = this.#isRead ? [...this.#rows.values()].flat() : [];
    for (const { line, key, path } of rows) {
      if (path === null) this.#fault(line, `"${key}" is not among what is sent`, hintOfSending);
    }
    return this.#faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  }

  /** The fields of the file or folder at `path`; an empty cell is none. */
  membersFor(path: string): readonly JsonMember[] {
    return this.#rowsFor(path)[0]?.members ?? [];
  }

  #rowsFor(path: string): readonly Row[] {
    const parts = partsOf(path);
    const like = this.#rows.get(parts.at(-1) ?? "") ?? [];
    return like.filter((row) => row.parts.every((part, at) => part === parts.at(at - row.parts.length)));
  }

  #fault(line: number | null, text: string, hint?: string): void {
    if (this.#faults.length < faultsMax)
      this.#faults.push({ line, text, ...(hint === undefined ? {} : { hint }) });
  }
}

/** Of a path as somebody writes it into a table: macOS has other forms of accents than spreadsheets, Windows another slash. */
function partsOf(path: string): readonly string[] {
  return path
    .normalize("NFC")
    .split(/[/\\]/)
    .filter((part) => part !== "" && part !== ".");
}

/** As spreadsheets write it: UTF-8 or UTF-16 with a mark, else UTF-8 where it is that, else Windows' own. */
function decoded(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Workbooks are zip archives (xlsx, ods), those of old compound files (xls). */
function isWorkbook(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  return start === "504b0304" || start === "d0cf11e0";
}

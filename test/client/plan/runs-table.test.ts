// `--metadata-from`: which row is for which file, what becomes of its cells, and everything that is wrong with a table.

import { describe, expect, test } from "bun:test";
import { RunsTable } from "../../../src/client/plan/runs-table.ts";

const table = (text: string) => new RunsTable(Buffer.from(text));
const fieldsOf = (it: RunsTable, path: string) =>
  Object.fromEntries(it.membersFor(path).map(({ name, value }) => [name, JSON.parse(value)]));

/** All that is wrong, as it is printed, when the files at `paths` are sent. */
function faultsOf(it: RunsTable, ...paths: readonly string[]): readonly string[] {
  for (const path of paths) it.note(path);
  return it.finish().map(({ line, text }) => (line === null ? text : `${line}: ${text}`));
}

describe("fields", () => {
  test("are text as it is written, and an empty cell is none", () => {
    const it = table('file;id;temp;date;note;empty\nrun1;007;4,20;03.04.2026;" x ";  \n');
    expect(fieldsOf(it, "/lab/run1")).toEqual({ id: "007", temp: "4,20", date: "03.04.2026", note: " x " });
    expect(faultsOf(it, "/lab/run1")).toEqual([]);
  });

  test("have the order of the columns, whatever they are called", () => {
    const it = table("10,2,file,__proto__\nb,a,run1,c\n");
    expect(it.membersFor("/lab/run1").map(({ name }) => name)).toEqual(["10", "2", "__proto__"]);
  });

  const encodings: readonly (readonly [string, Uint8Array])[] = [
    ["UTF-8", Buffer.from("file;operator\nMüller.raw;Øystein Ł\n")],
    ["UTF-8 with a mark", Buffer.from("\ufefffile;operator\r\nMüller.raw;Øystein Ł\r\n")],
    ["UTF-16", Buffer.from("\ufefffile\toperator\r\nMüller.raw\tØystein Ł\r\n", "utf16le")],
    // "Ł" is not in it.
    ["Windows-1252", Buffer.from("file;operator\r\nM\u00fcller.raw;\u00d8ystein \u0080\r\n", "latin1")],
  ];
  test.each(encodings)("are read from %s", (encoding, bytes) => {
    const it = new RunsTable(bytes);
    const operator = encoding === "Windows-1252" ? "Øystein €" : "Øystein Ł";
    expect(fieldsOf(it, "/lab/Müller.raw")).toEqual({ operator });
    // As macOS writes the name.
    expect(fieldsOf(it, "/lab/Mu\u0308ller.raw")).toEqual({ operator });
  });
});

describe("the column that names the files", () => {
  test.each([
    ["sample;File;x\nS;run1;1", { sample: "S", x: "1" }],
    ["sample;folder\nS;run1", { sample: "S" }],
    ["path;name\nrun1;Ada", { name: "Ada" }],
    ["what;sample\nrun1;S", { sample: "S" }],
  ])("%j", (text, fields) => {
    expect(fieldsOf(table(text), "/lab/run1")).toEqual(fields);
  });

  test.each([
    "run1",
    "run1/",
    "./day/run1",
    "day\\run1",
    "C:\\lab\\day\\run1",
    "/lab/day/run1",
    "lab/day/run1/",
  ])("means /lab/day/run1 with %j", (key) => {
    const path = key.startsWith("C:") ? "C:/lab/day/run1" : "/lab/day/run1";
    expect(fieldsOf(table(`file;x\n${key};1`), path)).toEqual({ x: "1" });
  });

  test.each(["run", "run11", "y/run1", "/day/run1/x", "RUN1", "1"])("does not with %j", (key) => {
    expect(table(`file;x\n${key};1`).membersFor("/lab/day/run1")).toEqual([]);
  });

  test("tells files of one name apart by more of their paths", () => {
    const it = table("file;x\na/run1;1\nb/run1;2\n");
    expect(faultsOf(it, "/lab/a/run1", "/lab/b/run1")).toEqual([]);
    expect(fieldsOf(it, "/lab/b/run1")).toEqual({ x: "2" });
  });
});

describe("what is wrong", () => {
  const sent = ["/lab/run1", "/lab/run2"];
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["file;x\nrun1;1\nrun2;2\n", []],
    // As spreadsheets leave it behind.
    ["file;x;;\nrun1;1;;\nrun2;2;;\n;;;\n", []],
    ["", ["it has no line that names its columns"]],
    [";;\n;\n", ["it has no line that names its columns"]],
    ["PK\u0003\u0004", ["it is a workbook, and no CSV"]],
    ["file;x\nrun1;1\n", ['it has no row for "run2"']],
    ["file;x\nrun1;1\nrun2;2\nrun3;3\n", ['4: "run3" is not among what is sent']],
    ["file;x\nrun1;1\nrun2;2\nrun1;1\n", ['4: "run1" stands in line 2 already']],
    ["file;x\nrun1;1\nrun2;2\n./run1/;1\n", ['4: "./run1/" stands in line 2 already']],
    ["file;x\nrun1;1\nrun2;2\nlab/run1;1\n", ['2: lines 2 and 4 both mean "/lab/run1"']],
    ["file;x\nrun1;1\n;2\nrun2;2\n", ["3: it names no file"]],
    ["file;x;x\nrun1;1;2\n", ['1: two columns have the header "x"']],
    [
      "file;x;file\nrun1;1;2\n",
      ['1: several columns may name the files: "file", "file"', '1: two columns have the header "file"'],
    ],
    ["file;x;Path\nrun1;1;2\n", ['1: several columns may name the files: "file", "Path"']],
    ["file;;x\nrun1;1;2\nrun2;3;4\n", ["1: column 2 has no header"]],
    [";x\nrun1;1\nrun2;2\n", ["1: column 1 has no header"]],
    ["file;x\nrun1;1;9\nrun2;2\n", ['2: column 3 has "9", and no header']],
    ["file;x;y\nrun1;1\nrun2;2;\n", ["2: it has 2 of 3 columns: is a separator missing, or a quote?"]],
    ['file;x\nrun1;"1\nrun2;2\n', ["2: a quote opens a cell, and none closes it"]],
    ['file;x\nrun1;"1"0\nrun2;2\n', ["2: there is text behind the quote that ends a cell: 0"]],
    [
      "file;x\nrun1;1\nrun3;3\n;4\n",
      ['it has no row for "run2"', '3: "run3" is not among what is sent', "4: it names no file"],
    ],
  ];
  test.each(rows)("%j", (text, faults) => {
    expect(faultsOf(table(text), ...sent)).toEqual(faults as string[]);
  });

  test("a row that may be for two files", () => {
    expect(faultsOf(table("file;x\nrun1;1\n"), "/lab/a/run1", "/lab/b/run1")).toEqual([
      '2: "run1" may be "/lab/a/run1" or "/lab/b/run1"',
    ]);
  });
});

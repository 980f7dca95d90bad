// Tables as spreadsheets write them, against Python's reader of Excel's dialect.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readCsv, readSpreadsheet } from "../../../src/client/plan/csv.ts";

const cells = (text: string) => readSpreadsheet(text).records.map((it) => it.cells);

describe("readSpreadsheet()", () => {
  const rows: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    ["", []],
    ["file", [["file"]]],
    [
      "file,sample\r\nrun1,a\r\n",
      [
        ["file", "sample"],
        ["run1", "a"],
      ],
    ],
    [
      "file;sample\nrun1;a",
      [
        ["file", "sample"],
        ["run1", "a"],
      ],
    ],
    [
      "file\tsample\nrun1\ta",
      [
        ["file", "sample"],
        ["run1", "a"],
      ],
    ],
    ["file\rrun1\r", [["file"], ["run1"]]],
    // Decimal commas, leading zeros, large numbers and dates stay what is written.
    [
      "file;temp;id\nrun1;4,20;007\n",
      [
        ["file", "temp", "id"],
        ["run1", "4,20", "007"],
      ],
    ],
    // Both would do: the one that a country with decimal commas uses.
    [
      "file;temp, °C\nrun1;4,2\n",
      [
        ["file", "temp, °C"],
        ["run1", "4,2"],
      ],
    ],
    [
      "file;a, b, c\nrun1;1, 2, 3\n",
      [
        ["file", "a, b, c"],
        ["run1", "1, 2, 3"],
      ],
    ],
    [
      'file,note\nrun1,"a, ""b"", c"\n',
      [
        ["file", "note"],
        ["run1", 'a, "b", c'],
      ],
    ],
    [
      'file,note\nrun1,"two\r\nlines"\n',
      [
        ["file", "note"],
        ["run1", "two\r\nlines"],
      ],
    ],
    [
      'file,disk\nrun1,5" disk\n',
      [
        ["file", "disk"],
        ["run1", '5" disk'],
      ],
    ],
    [
      'file,note\nrun1,"" \n',
      [
        ["file", "note"],
        ["run1", ""],
      ],
    ],
    [
      "sep=,\nfile,a;b\nrun1,x;y\n",
      [
        ["file", "a;b"],
        ["run1", "x;y"],
      ],
    ],
    [
      "sep=|\r\nfile|a\r\nrun1|x\r\n",
      [
        ["file", "a"],
        ["run1", "x"],
      ],
    ],
    [
      "file,a\n\n\nrun1,x\n\n",
      [
        ["file", "a"],
        ["run1", "x"],
      ],
    ],
    ["file,a\nrun1\n", [["file", "a"], ["run1"]]],
  ];
  test.each(rows)("%j", (text, expected) => {
    expect(cells(text)).toEqual(expected as string[][]);
    expect(readSpreadsheet(text).faults).toEqual([]);
  });

  const faulty: readonly (readonly [string, readonly (readonly [number, string])[]])[] = [
    ['file,a\nrun1,"x\nrun2,y\n', [[2, "a quote opens a cell, and none closes it"]]],
    ['file,a\n"run1"x,y\n', [[2, "there is text behind the quote that ends a cell: x"]]],
    [
      'sep=,\nfile,a\n"x\ny"z,1\n"q,2\n',
      [
        [4, "there is text behind the quote that ends a cell: z"],
        [5, "a quote opens a cell, and none closes it"],
      ],
    ],
  ];
  test.each(faulty)("%j is faulty", (text, expected) => {
    expect(readSpreadsheet(text).faults.map(({ line, text: fault }) => [line, fault])).toEqual(
      expected as never,
    );
  });

  test("the line that a record begins in is told, also behind cells of several lines", () => {
    const { records } = readSpreadsheet('sep=;\nfile;note\r\n"a\r\nb";"c\nd"\rrun2;x\n\nrun3;y');
    expect(records.map(({ line }) => line)).toEqual([2, 3, 6, 8]);
  });
});

const python = Bun.which("python3");
test.skipIf(python === null)("Python reads the same cells (python3)", () => {
  const program =
    "import csv,io,json,sys\nfor t,s in json.load(sys.stdin): print(json.dumps([r for r in csv.reader(io.StringIO(t,newline=''),delimiter=s) if r and r!=['']]))";
  const cell = fc.string({ unit: fc.constantFrom("a", '"', ";", ",", "\n", "\r", " ", "ü", "4,2") });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const written = fc.oneof(
    cell.map(quoted),
    fc.string({ unit: fc.constantFrom("a", " ", "7", "ß", ".") }),
    fc.constantFrom('5" disk', "=1+1"),
  );
  const table = fc
    .tuple(
      fc.constantFrom(";", ",", "\t"),
      fc.constantFrom("\n", "\r\n"),
      fc.array(fc.array(written, { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
    )
    .map(([separator, end, lines]) => [lines.map((it) => it.join(separator)).join(end), separator] as const);
  const tables = fc.sample(table, 500);
  const { stdout } = Bun.spawnSync([python as string, "-c", program], {
    stdin: Buffer.from(JSON.stringify(tables)),
    env: { PYTHONIOENCODING: "utf-8" },
  });
  const read = stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(read.length).toBe(500);
  for (const [index, [text, separator]] of tables.entries()) {
    const found = readCsv(text, separator).records.map((it) => it.cells);
    expect({ text, found }).toEqual({ text, found: read[index] });
  }
});

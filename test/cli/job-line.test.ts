// Jobs that another program writes as JSON lines.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { idIn, readJobLine } from "../../src/cli/dync/job-line.ts";
import { textLines } from "../../src/client/input-lines.ts";
import { limits } from "../../src/protocol/limits.ts";

describe("a line", () => {
  test("says what it says, and metadata and id stay as they are written", () => {
    const text =
      '{ "id": 12345678901234567890, "path": "a\\u00e4.raw", "name": "b.raw", "metadata": {"run": 1.50, "10": [1]}, "dataset": true, "unpack": false }';
    const job = readJobLine(text);
    expect(job).toMatchObject({
      id: "12345678901234567890",
      path: "aä.raw",
      name: "b.raw",
      dataset: true,
      unpack: false,
    });
    expect(job.metadata.map(({ name, value }) => [name, value])).toEqual([
      ["run", "1.50"],
      ["10", "[1]"],
    ]);
  });

  test("needs no more than a path", () => {
    expect(readJobLine('{"path":"a.raw"}')).toEqual({
      id: null,
      path: "a.raw",
      name: undefined,
      metadata: [],
      dataset: false,
      unpack: false,
    });
  });

  test.each([
    ["", "The line is no JSON, at column 1: "],
    ["{", "The line is no JSON, at column 2: "],
    ['"a.raw"', "The line has a string where a job is wanted, an object"],
    ["{}", 'The line has no "path"'],
    ['{"path":""}', 'The line has no "path"'],
    ['{"path":7}', 'The line has a number as "path", a string is wanted'],
    ['{"path":"a","name":null}', 'The line has null as "name", a string is wanted'],
    ['{"path":"a","dataset":"yes"}', 'The line has a string as "dataset", true or false is wanted'],
    [
      '{"path":"a","metadata":[]}',
      'The line has an array where the "metadata" of a job is wanted, an object',
    ],
    [
      '{"path":"a","meta":{}}',
      'The line has the member "meta", known are id, path, name, metadata, dataset, unpack',
    ],
    ['{"path":"a","path":"b"}', 'The line gives "path" twice in one object'],
    [`{"path":"a","metadata":{"a":${"[".repeat(200)}${"]".repeat(200)}}}`, "The line is nested deeper than "],
  ])("that is %s says what is wrong", (text, fault) => {
    let error: unknown;
    try {
      readJobLine(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DyncError);
    expect((error as DyncError).message).toStartWith(fault);
  });

  test.each([
    ['{"id":"x","path":7}', '"x"'],
    ['{"id":{"a":1}}', '{"a":1}'],
    ['{"path":"a"}', null],
    ['{"id":', null],
    ["[]", null],
  ])("that is %s has the id %p", (text, id) => {
    expect(idIn(text)).toBe(id);
  });
});

describe("textLines()", () => {
  const go = new AbortController().signal;

  async function linesOf(...pieces: readonly (string | Uint8Array)[]): Promise<(string | DyncError)[]> {
    const input = (async function* () {
      for (const piece of pieces) yield Buffer.from(piece as string);
    })();
    const lines: (string | DyncError)[] = [];
    for await (const line of textLines(go, input)) lines.push(line);
    return lines;
  }

  test("finds lines wherever the pieces end, also one without an end, and drops a byte order mark", async () => {
    expect(await linesOf("\ufeffa", "b\nc\n\nd", "", "e\nf")).toEqual(["ab", "c", "", "de", "f"]);
    expect(await linesOf("a\n")).toEqual(["a"]);
    expect(await linesOf()).toEqual([]);
  });

  test("goes on behind a line that is no text, or too long, of which it keeps nothing", async () => {
    const long = new Uint8Array(1024 * 1024).fill(0x61);
    const many = Array.from({ length: (9 * limits.metadataBytesMax) / long.length + 1 }, () => long);
    const [first, second, third] = await linesOf("\xff\n", Uint8Array.of(0xff, 0x0a), ...many, "\nlast\n");
    expect(first).toBe("ÿ");
    expect((second as DyncError).message).toBe("The line is no UTF-8 text");
    expect((third as DyncError).message).toContain("The line has more than");
  });

  test("ends at once when it shall, whatever it waits for", async () => {
    const stop = new AbortController();
    const never = (async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a\n");
      await new Promise(() => {});
    })();
    const lines = textLines(stop.signal, never);
    expect((await lines.next()).value).toBe("a");
    const next = lines.next();
    const reason = new DyncError("cancelled", "Interrupted");
    stop.abort(reason);
    expect(await next.catch((error) => error)).toBe(reason);
  });
});

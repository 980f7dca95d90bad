// macOS executables, judged without a Mac: the embedded library exports what we call, the lowest systems are those
// that the README names, and every page hash of the code signature is right.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { compileProgram } from "../../build/compile.ts";
import {
  embeddedLibraries,
  fixSignature,
  type MachO,
  readMachO,
  signAdHoc,
  signatureFaults,
} from "../../build/mach-o.ts";
import { buildExecutable } from "../../build/release.ts";
import { programs, releaseTargets } from "../../build/targets.ts";
import { zmqSymbols } from "../../src/transport/zmq/symbols.ts";

const project = join(import.meta.dir, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "dync-mach-o-"));

/** Lowest macOS that Bun's part and the npm package's library are made for; the README tells the higher one. */
const expectations = {
  "macos-x64": { processor: "x64", program: "13.0", library: "15.0" },
  "macos-arm64": { processor: "arm64", program: "13.0", library: "14.0" },
} as const;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const target of releaseTargets) {
  if (target !== "macos-x64" && target !== "macos-arm64") continue;
  const expected = expectations[target];
  describe.each([...programs])(`%s for ${target}`, (program) => {
    let executable = "";
    let bytes = new Uint8Array();

    beforeAll(async () => {
      const place = join(folder, target);
      mkdirSync(place, { recursive: true });
      executable = await buildExecutable(program, target, place);
      bytes = new Uint8Array(readFileSync(executable));
    });

    test("has a signature whose every page hash is right", () => {
      expect(signatureFaults(bytes)).toEqual([]);
    });

    test("is for the lowest system that it should be for", () => {
      const { kind, processor, lowestSystem } = parsed(bytes);
      expect({ kind, processor, lowestSystem }).toEqual({
        kind: "executable",
        processor: expected.processor,
        lowestSystem: expected.program,
      });
    });

    test("carries the library as it is, which exports every function that we call", () => {
      const libraries = embeddedLibraries(bytes);
      expect(libraries.length).toBe(1);
      const library = libraries[0] ?? new Uint8Array();
      expect(Buffer.from(library).equals(readFileSync(addonOf(expected.processor)))).toBe(true);
      const content = parsed(library);
      expect(content.processor).toBe(expected.processor);
      expect(content.lowestSystem).toBe(expected.library);
      expect(Object.keys(zmqSymbols).filter((name) => !content.exports.has(name))).toEqual([]);
    });

    test("is left alone when it is signed again", () => {
      fixSignature(executable, program);
      expect(readFileSync(executable).equals(bytes)).toBe(true);
    });
  });
}

test("Bun's own signature of x64 executables is wrong, which is why it is replaced", async () => {
  const outfile = join(folder, "unsigned");
  await compileProgram({ entry: join(project, "src/dync.ts"), target: "macos-x64", outfile });
  expect(signatureFaults(new Uint8Array(readFileSync(outfile)))).toContain("The hash of page 0 is wrong");
});

test("a byte changed anywhere in a signed file is a fault", () => {
  const original = new Uint8Array(readFileSync(addonOf("arm64")));
  const signed = signAdHoc(original, "addon.node");
  expect(signatureFaults(signed)).toEqual([]);
  const codeBytes = parsed(original).signature?.offset ?? 0;
  // The load commands stay as they are: without them it is another file, or none.
  fc.assert(
    fc.property(fc.integer({ min: 4096, max: codeBytes - 1 }), (at) => {
      const changed = Uint8Array.from(signed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(signatureFaults(changed)).toEqual([`The hash of page ${at >> 12} is wrong`]);
    }),
    { numRuns: 20 },
  );
});

test("damage in the table of exported names cannot keep the reader busy", () => {
  const original = new Uint8Array(readFileSync(addonOf("arm64")));
  // Where the export trie of this library lies: the load command is 0x80000022, its sixth pair of numbers.
  const view = new DataView(original.buffer, original.byteOffset, original.length);
  let at = 32;
  while (view.getUint32(at, true) !== 0x80000022) at += view.getUint32(at + 4, true);
  const [start, length] = [view.getUint32(at + 40, true), view.getUint32(at + 44, true)];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: length - 1 }),
      fc.integer({ min: 0, max: 255 }),
      (offset, value) => {
        const before = original[start + offset] ?? 0;
        original[start + offset] = value;
        const { exports } = parsed(original);
        original[start + offset] = before;
        expect(exports.size).toBeLessThan(length);
      },
    ),
    { numRuns: 300 },
  );
});

test("what is no Mach-O file is said to be none", () => {
  expect(readMachO(new Uint8Array())).toBeNull();
  expect(readMachO(new TextEncoder().encode("#!/bin/sh\n".repeat(10)))).toBeNull();
  expect(signatureFaults(new Uint8Array(64))).toEqual(["Not a 64-bit Mach-O file"]);
});

function parsed(bytes: Uint8Array): MachO {
  const content = readMachO(bytes);
  if (content === null) throw new Error("This is not a Mach-O file");
  return content;
}

function addonOf(processor: "x64" | "arm64"): string {
  return join(project, `node_modules/zeromq/build/darwin/${processor}/node/libc-115-Release/addon.node`);
}

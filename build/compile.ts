// Compiles a program into one executable, with libzmq and the code of its threads inside. Called by the build scripts.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { BunPlugin } from "bun";
import { DyncError } from "../src/base/error.ts";
import type { Target } from "../src/transport/zmq/target.ts";
import { replaceRuntimeWords } from "./runtime-words.ts";
import { stageLibrary } from "./stage.ts";

// Instrument computers are old: baseline builds need no AVX2. SHA-256 and CURVE choose their code at run time.
const bunTargets = {
  "linux-x64": "bun-linux-x64-baseline",
  "linux-arm64": "bun-linux-arm64",
  "linux-x64-musl": "bun-linux-x64-baseline-musl",
  "linux-arm64-musl": "bun-linux-arm64-musl",
  "macos-x64": "bun-darwin-x64-baseline",
  "macos-arm64": "bun-darwin-arm64",
  "windows-x64": "bun-windows-x64-baseline",
} as const satisfies Record<Target, Bun.Build.CompileTarget>;

export interface CompileOptions {
  /** Path of the program's entry file. */
  readonly entry: string;
  readonly target: Target;
  /** Path of the executable; Windows programs end in `.exe`. */
  readonly outfile: string;
  /**
   * Put the Bun that runs this into the executable, which spares a download: for trying things on this machine.
   * Otherwise the runtime that is released for `target` is fetched from the npm registry.
   */
  readonly ownRuntime?: boolean;
  /** Constants to put in, as JavaScript source text by name. */
  readonly define?: Readonly<Record<string, string>>;
}

/** Compiles one program for one target. Throws `DyncError` ("failed") with what Bun reports. */
export async function compileProgram(options: CompileOptions): Promise<void> {
  const { entry, target, outfile, define, ownRuntime = false } = options;
  const library = stageLibrary(target);
  const workers = [
    ...["transport/zmq/poll-worker.ts", "storage/syncfs/syncfs-worker.ts"],
    ...(basename(entry, ".ts") === "dync-server"
      ? ["storage/workers/storage-worker.ts", "storage/s3/beside/body-worker.ts"]
      : []),
    ...(basename(entry, ".ts") === "dync" ? ["client/beside/reading-worker.ts"] : []),
  ].map((path) => fileURLToPath(new URL(`../src/${path}`, import.meta.url)));
  const result = await Bun.build({
    entrypoints: [entry, ...workers],
    root: fileURLToPath(new URL("..", import.meta.url)),
    define: {
      ...define,
      DYNC_TARGET: JSON.stringify(target),
      DYNC_LIBZMQ_VERSION: JSON.stringify(library.version),
      DYNC_LIBRARY_SHA256: JSON.stringify(
        createHash("sha256").update(readFileSync(library.path)).digest("hex"),
      ),
    },
    plugins: [embedLibrary(library.path)],
    // A start is a third cheaper where nothing has to be parsed (110 ms of work became 71), and what a command does not want, such as
    // the validator of schemas, is not even read. A runtime that does not know the bytecode reads the source, which is there as well.
    splitting: true,
    bytecode: true,
    format: "esm",
    minify: { syntax: true, whitespace: true, identifiers: false },
    // Without these, files in the folder where somebody starts the program run code in it.
    compile: {
      ...(ownRuntime ? {} : { target: bunTargets[target] }),
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    throw: false,
  });
  if (result.success) {
    if (target.startsWith("linux-")) replaceRuntimeWords(outfile, basename(entry, ".ts"));
    return;
  }
  throw new DyncError("failed", `Cannot compile ${entry} for ${target}: ${result.logs.join("; ")}`);
}

/** Says what `dync:libzmq` is, which src/transport/zmq/embedded-library.ts imports. */
function embedLibrary(path: string): BunPlugin {
  return {
    name: "embed-libzmq",
    setup(build) {
      build.onResolve({ filter: /^dync:libzmq$/ }, () => ({ path }));
    },
  };
}

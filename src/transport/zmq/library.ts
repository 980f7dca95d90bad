// Finds libzmq, opens it with the FFI of the runtime that we run in, and makes sure that it is one we trust with
// data. Called once, by zmq-transport.ts.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DyncError, messageOf } from "../../base/error.ts";
import { addonPaths } from "./addon.ts";
import { uninterrupted } from "./interrupted.ts";
import { cString, type Functions, type Native } from "./native.ts";
import { zmqSymbols } from "./symbols.ts";
import { hostTarget, isCompiled } from "./target.ts";
import { unpackLibrary } from "./unpack.ts";

export interface Library {
  readonly native: Native;
  readonly zmq: Functions<typeof zmqSymbols>;
  /** File that it was loaded from: opening it again gives the same library. */
  readonly path: string;
  /** Such as `4.3.5`. */
  readonly version: string;
  /** Whether it is one of our own builds, with the patches in build/libzmq-patches/. */
  readonly isPatched: boolean;
}

// Everything before 4.3.3 has known holes (CVE-2019-13132, CVE-2020-15166); 4.3.4 is what we build ourselves, and the
// oldest that is tested.
const versionMin = [4, 3, 4] as const;

// In compiled programs the SHA-256 of the library inside, in hex; put in by build/compile.ts.
declare const DYNC_LIBRARY_SHA256: string;

/**
 * Opens libzmq: the file named by `DYNC_LIBZMQ`, or else the one inside this executable, or else, in a checkout,
 * the staged one or that of the `zeromq` package. Throws `DyncError` ("configuration") with what is missing.
 */
export async function openLibrary(environment: NodeJS.ProcessEnv = process.env): Promise<Library> {
  const native = await runtimeNative();
  const chosen = environment.DYNC_LIBZMQ;
  if (chosen) return checked(openAt(native, chosen));
  if (isCompiled()) return checked(await openEmbedded(native, environment));
  return checked(openAt(native, checkoutPath()));
}

async function runtimeNative(): Promise<Native> {
  if ("Bun" in globalThis) return (await import("./native-bun.ts")).bunNative;
  if ("Deno" in globalThis) return (await import("./native-deno.ts")).denoNative;
  throw new DyncError("configuration", "This program runs in Bun or Deno, not in Node", {
    hint: 'start it with "bun" or "deno run -A"',
  });
}

/**
 * Always from a copy of our own that was checked. Bun would unpack it too, but on Windows to a path that the system
 * does not know, and elsewhere to a shared folder, where it looks at size and owner alone.
 */
async function openEmbedded(native: Native, environment: NodeJS.ProcessEnv): Promise<Library> {
  const { embeddedLibraryPath } = await import("./embedded-library.ts");
  const library = { path: embeddedLibraryPath, sha256: DYNC_LIBRARY_SHA256 };
  return unpackLibrary(library, environment, (path) => openAt(native, path), isRuntimeMissing);
}

function openAt(native: Native, path: string): Library {
  let zmq: Functions<typeof zmqSymbols>;
  try {
    zmq = uninterrupted(native.open(path, zmqSymbols));
  } catch (error) {
    const reason = messageOf(error);
    throw new DyncError("configuration", `Cannot load libzmq from ${path}: ${reason}`, {
      cause: error,
      hint: hintFor(reason),
    });
  }
  const isPatched = zmq.zmq_has(cString("dync")) === 1;
  return { native, zmq, path, version: versionOf(zmq).join("."), isPatched };
}

function hintFor(reason: string): string {
  if (/libstdc\+\+|libgcc_s/.test(reason)) {
    return 'install the C++ runtime: "apt install libstdc++6", "dnf install libstdc++" or "apk add libstdc++"';
  }
  return "set DYNC_LIBZMQ to the path of a libzmq 4.3.4 or newer that was built with CURVE";
}

/** Whether another copy of the file would fail in the same way. */
function isRuntimeMissing(error: unknown): boolean {
  return /libstdc\+\+|libgcc_s|GLIBC/.test(messageOf(error));
}

function versionOf(zmq: Functions<typeof zmqSymbols>): readonly number[] {
  const numbers = new Int32Array(3);
  const [major, minor, patch] = [0, 4, 8].map((offset) => new Uint8Array(numbers.buffer, offset, 4));
  zmq.zmq_version(major as Uint8Array, minor as Uint8Array, patch as Uint8Array);
  return [...numbers];
}

function checked(library: Library): Library {
  const version = library.version.split(".").map(Number);
  const difference = versionMin.map((min, index) => (version[index] ?? 0) - min).find((step) => step !== 0);
  if (difference !== undefined && difference < 0) {
    const message = `libzmq at ${library.path} is version ${library.version}, want ${versionMin.join(".")} or newer`;
    throw new DyncError("configuration", message, { hint: hintFor("") });
  }
  if (library.zmq.zmq_has(cString("curve")) !== 1) {
    const message = `libzmq at ${library.path} was built without CURVE, want one with encryption`;
    throw new DyncError("configuration", message, { hint: hintFor("") });
  }
  return library;
}

/** In a checkout: the library that the last build put into the executables, or else the addon of the npm package. */
function checkoutPath(): string {
  const root = new URL("../../../", import.meta.url);
  const target = hostTarget();
  const addon = addonPaths[target];
  const candidates = [
    `build/stage/${target}/libzmq.so`,
    ...(addon === null ? [] : [`node_modules/zeromq/${addon}`]),
  ].map((path) => fileURLToPath(new URL(path, root)));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new DyncError("configuration", `There is no libzmq for ${target} at ${candidates.join(" or ")}`, {
    hint: 'run "bun install", or set DYNC_LIBZMQ to the path of a libzmq 4.3.4 or newer',
  });
}

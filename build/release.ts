// `bun run release [--base-url URL] [--maintainer WHO] [--no-packages] [--to FOLDER] [TARGET…]`: both programs for every system into dist/
// (or FOLDER), Debian packages of those for Linux (unless `--no-packages`), checksums, a bill of materials, the third-party notices, the README and the
// installers. The last three name URL, where the release will be downloaded from; the packages name WHO ("NAME <ADDRESS>"). Nothing
// but that, package.json, the commit and the sources decides their bytes; of the packages also SOURCE_DATE_EPOCH, unless it is not
// there (then the time of the commit), and the version of dpkg-deb and of zlib.
//
// A target that cannot be built here names itself, and the others are still built. Exit status: 0 everything that
// can be built on this machine was, 1 something failed.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { DyncError, messageOf } from "../src/base/error.ts";
import { addonPaths } from "../src/transport/zmq/addon.ts";
import { installerNames } from "../src/web/downloads/installers.ts";
import { billOfMaterials } from "./bill-of-materials.ts";
import { commit, commitTime } from "./build.ts";
import { compileProgram } from "./compile.ts";
import { buildDebianPackage, type DebianRelease, debianName, debianToolMissing } from "./debian-package.ts";
import { fixSignature } from "./mach-o.ts";
import { noticesPath } from "./notices.ts";
import { hasRecipe, type Made, makeOwnLibrary, type OwnLibraryTarget } from "./own-library.ts";
import { installerFor, parseBaseUrl, readmeFor } from "./release-address.ts";
import {
  findReleaseTarget,
  type ProgramName,
  programs,
  type ReleaseTarget,
  releaseName,
  releaseTargets,
} from "./targets.ts";

const project = join(import.meta.dir, "..");

/** Compiles one program for one target into `folder`, marked as built from the commit `source`; returns its path. */
export async function buildExecutable(
  program: ProgramName,
  target: ReleaseTarget,
  folder: string,
  source: string = commit(),
): Promise<string> {
  const outfile = join(folder, releaseName(program, target));
  const half = join(folder, `.${releaseName(program, target)}`);
  try {
    await compileProgram({
      entry: join(project, "src", `${program}.ts`),
      target,
      outfile: half,
      define: { DYNC_BUILD_COMMIT: JSON.stringify(source) },
    });
    if (target.startsWith("macos-")) fixSignature(half, program);
    renameSync(half, outfile);
  } finally {
    rmSync(half, { force: true });
  }
  return outfile;
}

interface ReleaseOptions {
  readonly names: readonly string[];
  /** Where the release will be downloaded from, or `null`: then its installer has to be told. */
  readonly baseUrl: string | null;
  readonly folder: string;
  /** Of the Debian packages. */
  readonly maintainer: string;
  /** Whether there are Debian packages as well. */
  readonly packages: boolean;
}

// Who has the machine is the one to ask, unless the release says somebody.
const nobodySaid = "The dync authors <root@localhost>";

/** Throws `DyncError` ("usage"). */
function readOptions(argv: readonly string[]): ReleaseOptions {
  const { values, positionals } = parseArguments(argv);
  const unknown = positionals.filter((name) => findReleaseTarget(name) === undefined);
  if (unknown.length > 0) {
    throw new DyncError("usage", `Unknown target ${unknown.join(", ")}, want ${releaseTargets.join(", ")}`);
  }
  const { "base-url": baseUrl, to = join(project, "dist"), maintainer = nobodySaid } = values;
  const packages = values["no-packages"] !== true;
  if (!/^[^<>\n]+ <[^<>@\s]+@[^<>@\s]+>$/.test(maintainer))
    throw new DyncError("usage", `--maintainer needs "NAME <ADDRESS>", found ${JSON.stringify(maintainer)}`);
  return {
    maintainer,
    packages,
    names: positionals,
    baseUrl: baseUrl === undefined ? null : parseBaseUrl(baseUrl),
    folder: resolve(to),
  };
}

function parseArguments(argv: readonly string[]) {
  try {
    const options = {
      "base-url": { type: "string" },
      maintainer: { type: "string" },
      "no-packages": { type: "boolean" },
      to: { type: "string" },
    } as const;
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    throw new DyncError("usage", messageOf(cause), { cause });
  }
}

async function release({ names, baseUrl, folder, maintainer, packages }: ReleaseOptions): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const wanted = releaseTargets.filter((target) => names.length === 0 || names.includes(target));
  // Once: the checkout may move on while this runs.
  const source = commit();
  const built: string[] = [];
  let failures = 0;
  for (const target of wanted) {
    const made = hasRecipe(target) ? makeLibrary(target) : null;
    if (made?.failed) failures++;
    // Its addon exports no C functions.
    if (made?.path === null && addonPaths[target] === null) continue;
    for (const program of programs) {
      const name = releaseName(program, target);
      rmSync(join(folder, name), { force: true });
      try {
        await buildExecutable(program, target, folder, source);
        built.push(name);
        say(`Built ${name}`);
      } catch (error) {
        failures++;
        say(`Not built: ${name}: ${messageOf(error)}`);
      }
    }
  }
  const debian = packages
    ? debianPackages(folder, built, {
        version: packageJson.version,
        commit: source,
        epoch: epoch(),
        maintainer,
      })
    : [];
  writeCompanions(folder, [...built, ...debian], source, baseUrl);
  const where = relative(project, folder) === "dist" ? "dist/" : folder;
  say(
    `${built.length} of ${wanted.length * programs.length} executables in ${where}, version ${packageJson.version}`,
  );
  if (baseUrl === null)
    say("Without --base-url the installers have to be told where this release is: DYNC_BASE_URL");
  return failures === 0 ? 0 : 1;
}

/** Packages of those executables that Debian has an architecture for. */
function debianPackages(folder: string, built: readonly string[], release: DebianRelease): readonly string[] {
  const wanted = releaseTargets.flatMap((target) =>
    programs
      .filter((program) => built.includes(releaseName(program, target)))
      .flatMap((program) => ({ program, target, name: debianName(program, target, release.version) }))
      .filter(({ name }) => name !== null),
  );
  for (const { name } of wanted) rmSync(join(folder, name as string), { force: true });
  const missing = debianToolMissing();
  if (missing !== null) {
    if (wanted.length > 0) say(`Not built: ${wanted.map(({ name }) => name).join(", ")}: ${missing}`);
    return [];
  }
  return wanted.map(({ program, target }) => {
    const executable = join(folder, releaseName(program, target));
    const name = buildDebianPackage(program, target, executable, folder, release);
    say(`Built ${name}`);
    return name;
  });
}

/** Of everything that has a time, in seconds since 1970: what SOURCE_DATE_EPOCH says, or when the commit was made. */
function epoch(): number {
  const { SOURCE_DATE_EPOCH: said = "" } = process.env;
  if (/^\d{1,11}$/.test(said)) return Number(said);
  if (said !== "")
    throw new DyncError("usage", `SOURCE_DATE_EPOCH needs whole seconds, found ${JSON.stringify(said)}`);
  // Outside git nothing else is fixed: the beginning of 2026.
  return commitTime() ?? 1_767_225_600;
}

/** Everything that lies beside the executables, SHA256SUMS last: it covers the rest. */
function writeCompanions(
  folder: string,
  built: readonly string[],
  source: string,
  baseUrl: string | null,
): void {
  const hashes = new Map(built.map((name) => [name, sha256Of(join(folder, name))]));
  copyFileSync(noticesPath, join(folder, "THIRD-PARTY-NOTICES.md"));
  for (const name of [...installerNames, "README.md"] as const) {
    // Copied first, for its permissions.
    copyFileSync(join(project, name), join(folder, name));
    if (baseUrl === null) continue;
    const text = readFileSync(join(project, name), "utf8");
    const filled = name === "README.md" ? readmeFor(text, baseUrl) : installerFor(name, text, baseUrl);
    writeFileSync(join(folder, name), filled);
  }
  copyFileSync(join(project, "build", "dync-server.service"), join(folder, "dync-server.service"));
  const materials = billOfMaterials({ version: packageJson.version, commit: source, files: hashes });
  writeFileSync(join(folder, "dync.cdx.json"), materials);
  const companions = ["THIRD-PARTY-NOTICES.md", "README.md", "dync-server.service", "dync.cdx.json"];
  for (const name of [...companions, ...installerNames]) hashes.set(name, sha256Of(join(folder, name)));
  const lines = [...hashes].map(([name, hash]) => `${hash}  ${name}\n`);
  writeFileSync(join(folder, "SHA256SUMS"), lines.sort(byName).join(""));
}

function byName(one: string, other: string): number {
  return one.slice(66) < other.slice(66) ? -1 : 1;
}

/**
 * Builds our libzmq, or finds it built. Where it cannot be, a line says why, and what that means: the npm package's goes
 * in, or, for Windows, where that has none, the executables are not built.
 */
function makeLibrary(target: OwnLibraryTarget): Made {
  const made = makeOwnLibrary(target, true);
  if (made.path !== null) return made;
  const without = programs.map((program) => releaseName(program, target)).join(", ");
  if (addonPaths[target] === null) say(`Not built: ${without}: ${made.reason}`);
  else say(`No libzmq of our own for ${target}, the npm package's goes in: ${made.reason}`);
  return made;
}

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The command line: does it, and returns the exit status. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    return await release(readOptions(argv));
  } catch (error) {
    if (!(error instanceof DyncError)) throw error;
    say(error.hint === undefined ? error.message : `${error.message}, ${error.hint}`);
    return error.meaning.exit;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

// What is inside the executables besides dync, with licences: the one list behind THIRD-PARTY-NOTICES.md and the
// bill of materials. Versions of npm packages are read from the packages themselves.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const project = join(import.meta.dir, "..");

export interface Component {
  readonly name: string;
  /** `null` where the maker of a binary does not say it. */
  readonly version: string | null;
  /** SPDX expression. */
  readonly license: string;
  readonly packageUrl: string | null;
  readonly source: string;
  /** One sentence: what it does here and in which executables it is. */
  readonly use: string;
  /** Full texts of licences and copyright lines. */
  readonly texts: readonly string[];
}

/** Every component, in the order in which the notices name them. */
export function components(): readonly Component[] {
  return [...libraries(), ...npmPackages(), bun()];
}

function libraries(): Component[] {
  const libzmq = { name: "libzmq", source: "https://github.com/zeromq/libzmq" };
  return [
    {
      ...libzmq,
      version: "4.3.5",
      license: "MPL-2.0",
      packageUrl: "pkg:github/zeromq/libzmq@v4.3.5",
      use: "Messages over TCP with CURVE. Unchanged, in the executables for macOS and for Linux with musl, from the npm package zeromq; also where build/libzmq.sh could not run.",
      texts: [ownText("MPL-2.0.txt")],
    },
    {
      ...libzmq,
      version: "4.3.4",
      license: "LGPL-3.0-only WITH LGPL-3.0-linking-exception",
      packageUrl: "pkg:deb/debian/zeromq3@4.3.4-6?arch=source",
      use: "The same in the Linux (glibc) and Windows executables, built from Debian's source package by build/libzmq.sh, with the patches in build/libzmq-patches/.",
      texts: [ownText("LGPL-3.0-libzmq-exception.txt")],
    },
    {
      name: "libsodium",
      version: null,
      license: "ISC",
      packageUrl: "pkg:github/jedisct1/libsodium",
      source: "https://github.com/jedisct1/libsodium",
      use: "The cryptography inside libzmq, in all executables (1.0.18 with Debian's patches where libzmq is 4.3.4).",
      texts: [ownText("libsodium.txt")],
    },
    {
      name: "wepoll",
      version: null,
      license: "BSD-2-Clause",
      packageUrl: "pkg:github/piscisaureus/wepoll",
      source: "https://github.com/piscisaureus/wepoll",
      use: "Part of libzmq.dll, in the Windows executables.",
      texts: [ownText("wepoll.txt")],
    },
    {
      name: "libstdc++ and libgcc",
      version: null,
      license: "GPL-3.0-or-later WITH GCC-exception-3.1",
      packageUrl: "pkg:deb/debian/gcc-12?arch=source",
      source: "https://gcc.gnu.org",
      use: "The C++ runtime inside libzmq 4.3.4, in the Linux (glibc) and Windows executables.",
      texts: [ownText("gcc-exception.txt")],
    },
    {
      name: "sha1",
      version: null,
      license: "BSD-3-Clause",
      packageUrl: null,
      source: "https://github.com/zeromq/libzmq/tree/master/external/sha1",
      use: "Part of libzmq in all executables.",
      texts: [ownText("sha1.txt")],
    },
  ];
}

function npmPackages(): Component[] {
  return [
    npmPackage(
      "zeromq",
      "MIT",
      "Brings libzmq as a built library for Linux and macOS; its JavaScript is not used.",
    ),
    npmPackage("node-addon-api", "MIT", "Part of that library, in the Linux and macOS executables."),
    npmPackage("valibot", "MIT", "Checks of everything that comes from outside, in all executables."),
    npmPackage("smol-toml", "BSD-3-Clause", "Reads files of settings, in all executables."),
    npmPackage("@hyperjump/json-schema", "MIT", "Judges metadata by a JSON Schema, in dync-server."),
    ...[
      ...["@hyperjump/browser", "@hyperjump/json-pointer", "@hyperjump/json-schema-formats"],
      ...[
        "@hyperjump/pact",
        "@hyperjump/uri",
        "content-type",
        "idn-hostname",
        "just-curry-it",
        "punycode",
        "uuid",
      ],
    ].map((name) => npmPackage(name, "MIT", "Part of @hyperjump/json-schema.")),
    npmPackage("re2js", "MIT", "Regular expressions that take no time, in dync-server."),
    npmPackage("jose", "MIT", "Verifies receipts, in dync."),
    npmPackage("aws4fetch", "MIT", "Signs what is asked of an object store, in dync-server."),
    npmPackage("hash-wasm", "MIT", "SHA-256 that can be gone on with after a restart."),
    npmPackage(
      "prom-client",
      "Apache-2.0",
      "Counts, and writes metrics as Prometheus reads them, in dync-server.",
    ),
    npmPackage("@opentelemetry/api", "Apache-2.0", "Part of prom-client."),
    ...["tdigest", "bintrees"].map((name) => npmPackage(name, "MIT", "Part of prom-client.")),
    npmPackage("pg", "MIT", "Speaks with PostgreSQL, in dync-server."),
    ...[
      ...["pg-cloudflare", "pg-connection-string", "pg-pool", "pg-protocol", "pg-types", "pgpass"],
      ...["postgres-array", "postgres-bytea", "postgres-date", "postgres-interval", "xtend"],
    ].map((name) => npmPackage(name, "MIT", "Part of pg.")),
    ...["pg-int8", "split2"].map((name) => npmPackage(name, "ISC", "Part of pg.")),
    npmPackage("preact", "MIT", "Shows the status page, in dync-server."),
    npmPackage("yaml", "ISC", "Reads the configuration of the original server, in dync-server."),
  ];
}

function npmPackage(name: string, license: string, use: string): Component {
  const folder = join(project, "node_modules", name);
  const description = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return {
    name,
    version: description.version,
    license,
    packageUrl: `pkg:npm/${name}@${description.version}`,
    source: `https://www.npmjs.com/package/${name}`,
    use,
    texts: [tidyText(licenceText(folder, name))],
  };
}

function licenceText(folder: string, name: string): string {
  const names = ["LICENSE", "LICENCE", "LICENSE.md", "LICENSE.txt", "LICENSE-MIT.txt", "license"];
  const file = names.find((candidate) => existsSync(join(folder, candidate)));
  if (file !== undefined) return readFileSync(join(folder, file), "utf8");
  // Some have it at the end of their README alone.
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const text = /^## licen[sc]e\n+([\s\S]+)$/im.exec(readme)?.[1];
  if (text === undefined) throw new Error(`The npm package ${name} has no licence text`);
  return text;
}

function bun(): Component {
  const packageFile = join(project, "node_modules", "bun", "package.json");
  const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as { version: string };
  return {
    name: "Bun",
    version,
    license:
      "MIT AND LGPL-2.0-only AND LGPL-2.1-only AND Apache-2.0 AND BSD-3-Clause AND BSD-2-Clause AND Zlib",
    packageUrl: `pkg:npm/bun@${version}`,
    source: `https://github.com/oven-sh/bun/tree/bun-v${version}`,
    use: "The JavaScript runtime that every executable is.",
    texts: [ownText("bun.txt")],
  };
}

function ownText(name: string): string {
  return tidyText(readFileSync(join(import.meta.dir, "licenses", name), "utf8"));
}

function tidyText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(/[ \t]+$/gm, "")
    .trim();
}

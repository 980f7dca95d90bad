// The address that a release is downloaded from: `bun run release --base-url URL` writes it into install.sh and README.md,
// which in the sources name an example or none. Called by release.ts.

import { DyncError } from "../src/base/error.ts";

/** What stands in the sources for the address. */
export const exampleAddress = "https://downloads.example.org/dync";

const unsetLine = /^default_base_url=$/m;

/** The address behind `text`, without a slash at its end. Throws `DyncError` ("usage"). */
export function parseBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
  // It becomes a word of shell scripts and of PowerShell, which must not find anything to obey in it.
  if (isPlain && /^[\w./:%+~@,[\]-]+$/.test(url.href)) return url.href.replace(/\/+$/, "");
  throw new DyncError("usage", `--base-url needs an http(s) address of a folder, found "${text}"`, {
    hint: "such as --base-url https://HOST/dync",
  });
}

/** install.sh that downloads from `baseUrl` unless it is told otherwise. */
export function installerFor(text: string, baseUrl: string): string {
  if (!unsetLine.test(text)) throw new DyncError("failed", "install.sh has no line default_base_url=");
  return readmeFor(text, baseUrl).replace(unsetLine, () => `default_base_url='${baseUrl}'`);
}

/** `text` with `baseUrl` in place of the example. */
export function readmeFor(text: string, baseUrl: string): string {
  if (!text.includes(exampleAddress))
    throw new DyncError("failed", `There is no ${exampleAddress} to replace`);
  return text.replaceAll(exampleAddress, () => baseUrl);
}

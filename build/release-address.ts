// The address that a release is downloaded from: `bun run release --base-url URL` writes it into the installers and README.md,
// which in the sources name an example or none. Called by release.ts.

import { DyncError } from "../src/base/error.ts";
import { plainUrl } from "../src/config/public-address.ts";
import { exampleAddress, filledInstaller, type InstallerName } from "../src/web/downloads/installers.ts";

/** The address behind `text`, without a slash at its end. Throws `DyncError` ("usage"). */
export function parseBaseUrl(text: string): string {
  const url = plainUrl(text);
  if (url !== null) return url;
  throw new DyncError("usage", `--base-url needs an http(s) address of a folder, found "${text}"`, {
    hint: "such as --base-url https://HOST/dync",
  });
}

/** An installer that downloads from `baseUrl` unless it is told otherwise. */
export function installerFor(name: InstallerName, text: string, baseUrl: string): string {
  return filledInstaller(name, readmeFor(text, baseUrl), { baseUrl }, baseUrl);
}

/** `text` with `baseUrl` in place of the example. */
export function readmeFor(text: string, baseUrl: string): string {
  if (!text.includes(exampleAddress))
    throw new DyncError("failed", `There is no ${exampleAddress} to replace`);
  return text.replaceAll(exampleAddress, () => baseUrl);
}

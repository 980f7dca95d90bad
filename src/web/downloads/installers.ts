// The installers of a release, told where they come from: their text says by three lines, or members, from where they download and
// which server they are for. `bun run release` and the server that offers a release write the same ones.

import { DyncError } from "../../base/error.ts";

export const installerNames = ["install.sh", "install.ps1"] as const;
export type InstallerName = (typeof installerNames)[number];

/** What stands in the sources where the address is to be from which an installer was downloaded. */
export const exampleAddress = "https://downloads.example.org/dync";

/** What an installer does unless it is told otherwise. Each is a word without quotes and spaces. */
export interface InstallerDefaults {
  /** Where the files of the release are. */
  readonly baseUrl: string;
  /** HOST or HOST:PORT of the server that it is for, with its public key in Z85. */
  readonly server?: string;
  readonly serverKey?: string;
}

const places: Readonly<Record<InstallerName, Readonly<Record<keyof InstallerDefaults, RegExp>>>> = {
  "install.sh": {
    baseUrl: /^(default_base_url=).*$/m,
    server: /^(default_server=).*$/m,
    serverKey: /^(default_server_key=).*$/m,
  },
  "install.ps1": {
    baseUrl: /^( {2}BaseUrl = ).*$/m,
    server: /^( {2}Server = ).*$/m,
    serverKey: /^( {2}ServerKey = ).*$/m,
  },
};

/**
 * The installer `name`, whose text is `text`, with these defaults; `from` is the folder from which it is downloaded itself, which its
 * first lines show. Throws `DyncError` ("configuration") where the text has no place for one of them: it is of an older release.
 */
export function filledInstaller(
  name: InstallerName,
  text: string,
  defaults: InstallerDefaults,
  from: string,
): string {
  const said = /^default_base_url='(.*)'$|^ {2}BaseUrl = '(.+)'$/m.exec(text)?.slice(1).find(Boolean);
  let filled = text.replaceAll(said ?? exampleAddress, () => from);
  for (const [key, value] of Object.entries(defaults) as [keyof InstallerDefaults, string][]) {
    if (/['\s]/.test(value)) throw new DyncError("failed", `"${value}" would be more than a word in ${name}`);
    const place = places[name][key];
    if (!place.test(filled))
      throw new DyncError("configuration", `${name} has no place for ${key}: it is of an older release`);
    filled = filled.replace(place, (_, before: string) => `${before}'${value}'`);
  }
  return filled;
}

// What `dync watch` knows of instruments: the list of `--profiles`, and the one that `--profile` names.

import { basename, resolve } from "node:path";
import { closest } from "../../base/closest.ts";
import { DyncError } from "../../base/error.ts";
import type { NamedServer } from "../../config/client-settings.ts";
import type { Profile } from "../../watch/profile.ts";
import { throwFaults } from "../command-line-error.ts";
import { optionText } from "../option-value.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { readSettingsFile } from "../settings-file.ts";

/** Prints the profiles that come with the program. */
export async function printProfiles(output: Output): Promise<void> {
  // No other command has a use for what reads them.
  const { listedProfiles, profileLines } = await import("../../watch/profile-list.ts");
  const profiles = listedProfiles();
  for (const profile of profiles) output.record("profile", { ...profile });
  output.result(profileLines(profiles).join("\n"));
}

// Ours have 3 kB at most.
const fileBytesMax = 256 * 1024;

/**
 * What `--profile`, or `saidBy`, names: one that comes with the program, or a file that somebody wrote; `unit` is what `--unit` says. Throws `DyncError`
 * ("usage": there is none of that name, or it is for something else; "configuration": everything that is wrong with the file).
 */
export async function chosenProfile(
  text: string,
  unit: string | undefined,
  saidBy = optionText("profile"),
): Promise<Profile> {
  const profile = await profileOf(text, saidBy);
  if (unit === undefined || unit === profile.unit) return profile;
  const message = `${optionText("unit")} "${unit}" does not go with the profile "${printable(profile.name)}"`;
  throw new DyncError("usage", message, { hint: `of that instrument each ${profile.unit} is sent as one` });
}

/** What is known of an instrument, and by which words somebody named it. */
export interface NamedProfile {
  readonly text: string;
  readonly profile: Profile;
}

/** Throws `DyncError` ("usage") where runs of that instrument cannot be sent while they are written. */
export function expectLive(named: NamedProfile | null): asserts named is NamedProfile {
  if (named === null)
    throw new DyncError("usage", 'Option "--live" needs "--profile"', {
      hint: 'a profile says which folder is a run, and when it is over: "dync watch --profiles" lists them, and one of your own is a file',
    });
  const { name, unit, file } = named.profile;
  const message = `The profile "${printable(name)}" does not go with "--live"`;
  if (unit !== "folder")
    throw new DyncError("usage", message, { hint: `of that instrument each ${unit} is sent as one` });
  if ((file.sign ?? []).length > 0) return;
  const hint = "it knows no sign of the end of a run: one is sent when it was quiet for long, without --live";
  throw new DyncError("usage", message, { hint });
}

/**
 * What is known of the instrument whose folder is sent to a server that `server` names: as the options say, or else `client.toml` in the
 * folder `home`; `null`: nothing. Throws as `chosenProfile`.
 */
export async function instrumentFor(
  { profile, unit }: { readonly profile?: string | undefined; readonly unit?: string | undefined },
  server: Pick<NamedServer, "instrument"> | null,
  home: string,
): Promise<NamedProfile | null> {
  const text = profile ?? instrumentOf(server, home);
  if (text === null) return null;
  const saidBy = profile === undefined ? "In client.toml the profile" : optionText("profile");
  return { text, profile: await chosenProfile(text, unit, saidBy) };
}

/** What `client.toml`, in the folder `home`, says of the instrument whose folder is sent to that server, as `--profile` would; or `null`. */
function instrumentOf(server: Pick<NamedServer, "instrument"> | null, home: string): string | null {
  const text = server?.instrument ?? null;
  return text !== null && isProfileFile(text) ? resolve(home, text) : text;
}

/** Whether it names a file, and not one that comes with the program. */
export function isProfileFile(text: string): boolean {
  return /[/\\]|\.toml$/.test(text);
}

async function profileOf(text: string, saidBy: string): Promise<Profile> {
  const { knownProfile, profileNames } = await import("../../watch/profiles.ts");
  if (isProfileFile(text)) return await profileIn(text);
  const known = knownProfile(text);
  if (known !== null) return known;
  const near = closest(text, profileNames);
  const hint = 'run "dync watch --profiles", or name a file: ./my.toml';
  throw new DyncError("usage", `${saidBy} "${printable(text)}" is not known`, {
    hint: near === null ? hint : `did you mean "${near}"?`,
  });
}

async function profileIn(file: string): Promise<Profile> {
  const content = readSettingsFile(file, fileBytesMax);
  if (content === null) {
    const hint = 'run "dync watch --profiles" for those that need no file';
    throw new DyncError("configuration", printable(`Cannot read ${file}: there is no such file`), { hint });
  }
  const { readProfile } = await import("../../watch/profile.ts");
  const reading = readProfile(basename(file).replace(/\.toml$/, ""), content.text);
  if (reading.ok) return reading.value;
  throwFaults(
    reading.faults.map(({ line, member, text, hint }) => {
      const where = member === "" ? `${file}:${line}` : `${file}:${line}: ${member}`;
      return new DyncError("configuration", printable(`${where}: ${text}`), { hint });
    }),
  );
  throw new Error("a profile that cannot be read has faults");
}

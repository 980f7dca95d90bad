// What `dync watch` knows of instruments: the list of `--profiles`.

import type { Output } from "../output.ts";

/** Prints the profiles that come with the program. */
export async function printProfiles(output: Output): Promise<void> {
  // No other command has a use for what reads them.
  const { listedProfiles, profileLines } = await import("../../watch/profile-list.ts");
  const profiles = listedProfiles();
  for (const profile of profiles) output.record("profile", { ...profile });
  output.result(profileLines(profiles).join("\n"));
}

// From which system to which one a file is sent in the tests of the executables for other systems.

import { because, reasonAgainst, type SystemName } from "./foreign-systems.ts";

export interface Direction {
  readonly client: SystemName;
  readonly server: SystemName;
  /** `from CLIENT to SERVER`, for the name of a test; with the reason where it is skipped. */
  readonly title: string;
  /** Whether a system that is needed cannot be run here. */
  readonly isSkipped: boolean;
  /** Whether programs run in an emulated processor, which is far slower. */
  readonly isEmulated: boolean;
}

/** Each other system with this one at the other end, in both directions; and two Windows executables. */
export const directions: readonly Direction[] = [
  direction("windows-x64", "here"),
  direction("here", "windows-x64"),
  direction("windows-x64", "windows-x64"),
  direction("linux-arm64", "here"),
  direction("here", "linux-arm64"),
];

function direction(client: SystemName, server: SystemName): Direction {
  const reason = reasonAgainst(client, server);
  return {
    client,
    server,
    title: `from ${client} to ${server}${because(reason)}`,
    isSkipped: reason !== null,
    isEmulated: client === "linux-arm64" || server === "linux-arm64",
  };
}

// What `dync-server instruments … --help` prints.

export const instrumentsUsage = `
List the instruments: each folder that a "dync watch" reports of, and each user
who only sends. What is wrong comes first.

Usage:
  dync-server instruments [options]
  dync-server instruments remove USER LABEL   forget one that is gone for good

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

STATE is "silent" where reports stopped coming; "trouble" where something waits
for a person, the folder cannot be reached, the clock is more than a minute
wrong, or less than 5% of the disk is free; "late" where nothing arrived for
three times as long as usual; "stopped" where somebody ended it; else "well".
BACKLOG is what is not sent yet, OLDEST how long the first of it waits, CLOCK by
how much the clock there is ahead, USUALLY how often something of this user
arrives.

Exit status: 0 listed, 5 no server runs with this DYNC_HOME.

Example:
  dync-server instruments
`;

export const instrumentsRemoveUsage = `
Forget a watched folder that is gone for good. It is listed again when it
reports again. Without this one is forgotten when it said nothing for the time
of "forget-instruments" (90 days).

Usage:
  dync-server instruments remove USER LABEL [options]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 forgotten, 2 there is no such instrument, 5 no server runs with
this DYNC_HOME.

Example:
  dync-server instruments remove meyer "lcms-3 Data"
`;

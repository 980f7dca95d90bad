// What `dync-server alarms … --help` prints.

export const alarmsUsage = `
Look at alarms: what is wrong just now, and whether anybody would hear of it.
The running server is asked, the one with the same DYNC_HOME. How alarms are
configured is in "dync-server config example" and doc/operations.md.

Usage:
  dync-server alarms list [options]    what is wrong, since when, how often told
  dync-server alarms try NAME          tell its hooks that it is tried out
`;

export const alarmsListUsage = `
List the alarms that were told and are not over, the oldest first: the name of
the alarm, since when, and how often it was told; below that what is wrong.

Usage:
  dync-server alarms list [options]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 listed, 5 no server runs with this DYNC_HOME.

Example:
  dync-server alarms list
`;

export const alarmsTryUsage = `
Tell the hooks of an alarm that it is tried out, as if it had begun: so that
whoever should hear of it is known to.

Usage:
  dync-server alarms try NAME [options]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 told, or on its way, 2 there is no such alarm, 5 no server runs
with this DYNC_HOME.

Example:
  dync-server alarms try instruments
`;

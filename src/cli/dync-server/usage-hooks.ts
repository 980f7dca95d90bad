// What `dync-server hooks … --help` prints.

export const hooksUsage = `
Look at what hooks are still to be told of uploads that were stored. The running
server is asked, the one with the same DYNC_HOME. How hooks are configured is in
"dync-server config example" and doc/operations.md.

Usage:
  dync-server hooks list [options]     what waits, or is stuck, and why
  dync-server hooks retry ID... | --all [--hook NAME]
  dync-server hooks drop ID... | --all [--hook NAME]
`;

export const hooksListUsage = `
List what hooks are still to be told, the oldest first: the id of the delivery,
the hook, when the upload was stored, and which one; below that how often it
failed, when it is tried next, and why it failed last. A delivery is stuck when
its hook is not configured any more.

Usage:
  dync-server hooks list [options]

Options:
      --hook NAME     for this hook alone
      --limit NUMBER  at most so many (default 100; 0: all)
      --json          print JSON lines for programs
  -h, --help          print this text

Exit status: 0 listed, 5 no server runs with this DYNC_HOME.

Examples:
  dync-server hooks list
  dync-server hooks list --hook lims --limit 0
`;

export const hooksRetryUsage = `
Tell hooks again now what waits for its next attempt. What is stuck, because its
hook is not configured, stays so.

Usage:
  dync-server hooks retry ID... [options]
  dync-server hooks retry --all [--hook NAME] [options]

Options:
      --all        all that wait
      --hook NAME  with --all: those of this hook
      --json       print JSON lines for programs
  -h, --help       print this text

Exit status: 0 begun, 1 one of them is not there, 5 no server runs with this
DYNC_HOME.

Examples:
  dync-server hooks retry 17
  dync-server hooks retry --all --hook lims
`;

export const hooksDropUsage = `
Forget what hooks were to be told: they never hear of it. The files stay.

Usage:
  dync-server hooks drop ID... [options]
  dync-server hooks drop --all [--hook NAME] [options]

Options:
      --all        all that wait
      --hook NAME  with --all: those of this hook
      --json       print JSON lines for programs
  -h, --help       print this text

Exit status: 0 dropped, 1 one of them is not there, 5 no server runs with this
DYNC_HOME.

Example:
  dync-server hooks drop 17
`;

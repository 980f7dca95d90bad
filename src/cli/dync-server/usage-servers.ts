// What `dync-server drain --help` and `dync-server servers --help` print.

export const drainUsage = `
Have the running server take nothing any more, and hand over what is under way:
each client keeps its upload and comes again, to another server that shares the
catalogue where there is one. For a new version, or before its machine is
restarted. It ends when it is stopped; until it is started anew it takes none.

Usage:
  dync-server drain [options]

The server is the one with the same DYNC_HOME, of the same user. The command
ends when nothing is under way there any more.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 nothing is under way, 5 no server runs there.

Example:
  dync-server drain && systemctl restart dync-server
`;

export const serversUsage = `
List the servers that share the catalogue: several can where that is in
PostgreSQL and uploads go to an object store.

Usage:
  dync-server servers [options]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

STATE is "leads" for the one that tells hooks, looks at alarms and keeps house
for all of them, "there" for the others, and "silent" for one that said nothing
for 15 seconds: its uploads are taken over by the others. One that was stopped
is not listed.

Exit status: 0 listed, 5 no server runs with this DYNC_HOME.

Example:
  dync-server servers
`;

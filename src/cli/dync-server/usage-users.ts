// What `dync-server users … --help` prints.

export const usersUsage = `
Look at what users have stored, and what they may have ("limits" in
server.toml). The running server is asked, the one with the same DYNC_HOME.

Usage:
  dync-server users list            all users, and how much of a quota is used
  dync-server users show USER       all about one
  dync-server users recount [USER]  count what lies there
`;

export const usersListUsage = `
List the users: how many keys they have, how many uploads they stored, with how
many bytes, what is unfinished and may still take so much, how much of their
quota that is, and when they stored something last. Of a user's own quota and
that of a group the one is shown that is used more.

Usage:
  dync-server users list [options]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

What is stored is what came, as long as nobody counts: files that were taken
out of the data folder are still in it. See "dync-server users recount".

Exit status: 0 listed, 5 no server runs with this DYNC_HOME.

Example:
  dync-server users list
`;

export const usersShowUsage = `
Show all about a user: the keys, what is stored and unfinished, the quotas and
the other limits.

Usage:
  dync-server users show USER [options]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 shown, 2 there is no such user, 5 no server runs with this
DYNC_HOME.

Example:
  dync-server users show meyer
`;

export const usersRecountUsage = `
Count what lies in the data folder of one user, or of all, by the metadata
beside each file, and go by that from now on. Uploads go on meanwhile. Where
somebody has a quota, the server does so once a day by itself.

Usage:
  dync-server users recount [USER] [options]

Prints whose numbers are others now.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 counted, 5 no server runs with this DYNC_HOME, or a folder could
not be read: then nothing is different.

Example:
  dync-server users recount meyer
`;

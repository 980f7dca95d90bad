// What `--help` prints for the commands about unfinished uploads.

export const uploadsUsage = `
List the uploads that were begun here and are not confirmed yet.

Usage:
  dync uploads [--json]

Each line begins with the id that "dync resume" and "dync cancel" take; then
when it was begun, in local time, how old it is, and how much was sent. Of a
command with several files one line says how many of them are left.

Options:
      --json     print JSON lines for programs
  -h, --help     print this text

Examples:
  dync uploads
  dync uploads --json
`;

export const resumeUsage = `
Go on with unfinished uploads, where the server stopped.

Usage:
  dync resume [options] [ID]...

Without ID all of them. The beginning of an id is enough. A file that changed
meanwhile, or a folder in which one did, is sent anew. Of a command with several
files what failed is tried again, also what the server refused, until it is
stored or dropped. To give the same "dync send" command again does the same.

A run that is sent while it is written goes on until the sign of its end is
there. Where none will come, since the run was aborted, --complete ends it with
what is there now.

Options:
      --complete           with ID: publish a run, which is sent while it is
                           written, as it is, without the sign of its end
      --jobs NUMBER        so many files at once (default 4)
      --limit RATE         send no faster than RATE bytes a second, all files
                           together (see "dync limit --help")
      --priority WHAT      low, normal or high, as "dync --help" says
      --retry-for DURATION keep trying for so long when the server cannot be
                           reached (default, once it was reached: 24h, and 15m
                           where no terminal is)
  -q, --quiet              print errors only
      --json               print JSON lines for programs
  -h, --help               print this text

One that another process is sending is skipped. Exit status 3 means that some
of several uploads failed or were skipped.

Examples:
  dync resume
  dync resume 0a1b2c3d --retry-for 2d
  dync resume --complete 0a1b2c3d
`;

export const cancelUsage = `
Drop unfinished uploads: the server deletes what it has of them, and nothing is
kept here to go on with. The file itself stays.

Usage:
  dync cancel [options] ID...

Options:
      --local    only forget it here; the server deletes its part when it
                 expires. For servers that are gone
      --json     print JSON lines for programs
  -h, --help     print this text

Examples:
  dync cancel 0a1b2c3d
  dync cancel --local 0a1b2c3d
`;

// What `--help` prints for `dync status`.

export const statusUsage = `
Show how this user's uploads are on a server: what runs, what arrived lately,
what was refused and why, and what may still be sent.

Usage:
  dync status [options] [SERVER]

SERVER is as for "dync send". Without one all servers are asked that "dync
servers" lists; one that does not answer is a line among the others.

A server tells of the uploads of this user alone, whichever of the user's keys
sent them and from whichever computer:

  Running        how far each is, how fast, when it will be done, what it waits
                 for, and how many go before it
  Not finished   what nobody sends just now, is held for other metadata, or is
                 being published
  Arrived last   with when, the size, and the beginning of the SHA-256
  Refused last   in the words that the sender was told, and what began and came
                 to nothing; of what was not taken at all a server remembers the
                 last 20 since it was started

Above that stands what was stored, how much of a quota is used, how many uploads
there may be, until when the key is good, and the groups that the user is in.
What was begun on this computer and is unfinished is counted below; "dync
uploads" lists it. Nothing is sent, and nothing there changes.

Options:
      --last NUMBER        so many of what arrived, and was refused, last, from
                           0 to 1000 (default 10)
      --watch              show it again every two seconds, until Ctrl-C
  -p, --port PORT          port of the server (default 8889)
      --server-key FILE    key of the server, instead of the one in DYNC_HOME
      --json               print JSON lines for programs
  -h, --help               print this text

Exit status 0 means that every server that was asked has told. Else it is that
of the first one that did not:
  2  there are no keys, or the server's is not known
  5  it cannot be reached
  7  it does not let this user in, or is not the server that it should be
  9  it is an older one, or one of the original, and does not tell

Examples:
  dync status
  dync status lab --last 50
  dync status lab --watch
  dync status --json | jq 'select(.type == "server-status") | .refused[].reason'
`;

// What `dync-server uploads … --help` prints.

export const uploadsUsage = `
Look at what became of uploads, and end some. The running server is asked, the
one with the same DYNC_HOME; its uploads go on meanwhile.

Usage:
  dync-server uploads list [options]    those of a user, a state, a time, ...
  dync-server uploads show ID           all about one
  dync-server uploads verify            read stored files again, and compare
  dync-server uploads expire ID...      give up some that wait for a client
  dync-server uploads cancel ID...      end some, whose clients are there or not
  dync-server uploads amend ID -m FILE  give it other metadata
`;

/** The options that choose uploads. */
const queryLines = `      --user USER     of this user alone
      --state STATE   "receiving" (its client is there), "waiting" (it is not),
                      "held" (for other metadata), "publishing", "stored" or
                      "failed"; may be repeated
      --since WHEN    begun then or later: a date (2026-07-30), a time
                      ("2026-07-30 14:00"), or so long ago (2d, 12h)
      --until WHEN    begun before that
  -n, --name PATTERN  whose name is like it: "*", "?" and "[a-c]", or between
                      slashes a regular expression; upper or lower case
  -k, --where FIELD=VALUE
                      with this value in its metadata; a field within another
                      is "instrument.kind", of a list "samples.0.id". May be
                      repeated: all have to be so
`;

export const uploadsListUsage = `
List uploads, the latest begun first: how its id begins, the state, when it was
begun, the size, and where it lies in the data folder, with its user where that
does not say so. A dataset's path ends in "/".

Usage:
  dync-server uploads list [options]

Options:
${queryLines}      --limit NUMBER  at most so many (default 100; 0: all)
      --json          print JSON lines for programs
  -h, --help          print this text

Uploads that are stored, or failed, are known for 400 days (the setting
"remember").

Exit status: 0 listed, 5 no server runs with this DYNC_HOME.

Examples:
  dync-server uploads list --state failed --since 2d
  dync-server uploads list --user meyer -n '*.raw' -k project=P1234
`;

export const uploadsShowUsage = `
Show all that is known of an upload: whose it is, where it lies, what it had to
say, and how far it is.

Usage:
  dync-server uploads show ID [options]

ID is what a list shows, or as much of it as no other upload has.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 shown, 1 no such upload, 5 no server runs with this DYNC_HOME.

Example:
  dync-server uploads show 0a1b2c3d
`;

export const uploadsVerifyUsage = `
Read stored files again, and compare their checksums with what was stored: each
file and what lies beside it, of a dataset each of its files. The server reads
them, slowly enough for its uploads; Ctrl-C ends it.

Usage:
  dync-server uploads verify ID...            these; as in a list
  dync-server uploads verify --all            all that are stored
  dync-server uploads verify --sample NUMBER  so many of them, at random
  dync-server uploads verify [options]        those that the options choose

Each thing that is wrong is one line: "damaged" (it is there, and not what was
stored), "missing" (it is not there) or "extra" (it is in a dataset, and was not
stored), and where.

Options:
      --all             all, or with more options all that they choose
      --sample NUMBER   so many of those, at random, at most 100000
      --rate SIZE       read so much in a second (default 50MiB; 0: all it can)
      --ignore-missing  what was taken away as a whole was taken on purpose: it
                        is counted, and no mistake
      --user USER       of this user alone
      --since WHEN      begun then or later: a date (2026-07-30), a time
                        ("2026-07-30 14:00"), or so long ago (2d, 12h)
      --until WHEN      begun before that
  -n, --name PATTERN    whose name is like it, as in "uploads list"
  -k, --where FIELD=VALUE
                        with this value in its metadata; may be repeated
      --json            print JSON lines for programs
  -h, --help            print this text

Exit status: 0 all is as it was stored, 8 something is not, 1 no such upload,
5 no server runs with this DYNC_HOME.

Example:
  dync-server uploads verify --sample 100 --since 30d --ignore-missing
`;

export const uploadsExpireUsage = `
Give up uploads that wait for their clients, as if they had expired: their bytes
are deleted, and who goes on with one begins anew.

Usage:
  dync-server uploads expire ID...                   these; as in a list
  dync-server uploads expire --older-than DURATION   of which nothing was heard
                                                     for so long (3d, 12h)

Options:
      --older-than DURATION
                   all of which nothing was heard for so long
      --user USER  of these, the ones of this user
      --dry-run    say which those would be, and how many; change nothing
      --json       print JSON lines for programs
  -h, --help       print this text

Exit status: 0 given up, 1 no such upload, 2 one does not wait: then none was
given up; 5 no server runs with this DYNC_HOME.

Examples:
  dync-server uploads expire --older-than 3d --dry-run
  dync-server uploads expire 0a1b2c3d
`;

export const uploadsCancelUsage = `
End uploads that are not stored yet, whether their clients are there or not:
their bytes are deleted, and the clients are told, and do not try again. What is
stored stays: remove it as any file.

Usage:
  dync-server uploads cancel ID... [options]

ID is what a list shows, or as much of it as no other upload has. To keep a user
out, take the key back: dync-server clients remove.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 cancelled, 1 no such upload, 2 one had ended: then none was
cancelled; 5 no server runs with this DYNC_HOME, or one was stored meanwhile.

Example:
  dync-server uploads cancel 0a1b2c3d
`;

export const uploadsAmendUsage = `
Give an upload other metadata than it was sent with. They replace all that it
has, and are judged by the rules as those of a new upload. What is stored stays
where it is; the metadata of before stay beside it, as NAME.meta.json.1. What is
held because of its metadata (on-refusal = "hold" in a rule) is stored with the
new ones.

Usage:
  dync-server uploads amend ID -m FILE [options]

ID is what a list shows, or as much of it as no other upload has.

Options:
  -m, --metadata FILE  a JSON object with its metadata ("-": standard input)
  -k, --key-value KEY:VALUE
                       a field of its metadata, a text (KEY:=JSON is one that
                       is none, such as run:=7); goes over the one in FILE
      --json           print JSON lines for programs
  -h, --help           print this text

Exit status: 0 amended, 1 no such upload, 5 no server runs with this DYNC_HOME,
6 the rules refuse these metadata, 7 something lies where it would go.

Examples:
  dync-server uploads show 0a1b2c3d --json > before.json
  dync-server uploads amend 0a1b2c3d -m corrected.json
`;

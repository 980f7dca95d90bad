// What `dync-server clients … --help` prints.

export const clientsUsage = `
List who may send: the user and the fingerprint of each key in clients/.

Usage:
  dync-server clients [list] [options]
  dync-server clients add FILE [options]   authorise a key
  dync-server clients pending              keys that were refused lately
  dync-server clients approve FINGERPRINT  authorise one of them
  dync-server clients show WHO             all about a key
  dync-server clients expire WHO           until when it is good
  dync-server clients remove WHO           take it back

The user is the name of the file without ".key" and without what follows a "+".
Where that is not the whole name, the file is shown as well. Files that do not
count are named, with the reason. A key that is good until a date is shown with
it, and marked from 30 days before.

Options:
      --trust-user-ids  the user is the "user_id" inside the key, as with the
                        same option, or setting, of "dync-server run"
      --config FILE     where that may be set (default DYNC_HOME/server.toml)
      --json            print JSON lines for programs
  -h, --help            print this text

Examples:
  dync-server clients
  dync-server clients list --json
`;

const shared = `      --trust-user-ids  the user is the "user_id" inside the key, as with the
                        same option, or setting, of "dync-server run"
      --config FILE     where that may be set (default DYNC_HOME/server.toml)
      --json            print JSON lines for programs
  -h, --help            print this text
`;

export const clientsAddUsage = `
Authorise a key: put it into clients/. When the command ends, a running server
lets it in.

Usage:
  dync-server clients add FILE [options]

FILE is what "dync keygen" made for its user to hand over. Compare its
fingerprint with what the user was shown. The user is the name of the file
without ".key", unless said otherwise; a further key of a user is one beside
those that are there.

Options:
      --user USER       whose it is: the folder that the files go to
      --expires DATE    until when it is good: 2027-01-31 (the end of that day)
                        or 2027-01-31T12:00:00+01:00
${shared}
Example:
  dync-server clients add meyer@pc7.key --user meyer
`;

export const clientsShowUsage = `
Show all about authorised keys.

Usage:
  dync-server clients show WHO [options]

WHO is a user, a fingerprint (SHA256:...) or the name of a file in clients/.

Options:
${shared}
Example:
  dync-server clients show meyer
`;

export const clientsRemoveUsage = `
Take keys back. When the command ends, a running server lets them in no more;
what they began ends within seconds.

Usage:
  dync-server clients remove WHO [options]

WHO is a user, all of whose keys are meant, a fingerprint (SHA256:...) or the
name of a file in clients/. What they stored stays.

Options:
${shared}
Example:
  dync-server clients remove meyer+pc7.key
`;

export const clientsPendingUsage = `
List the keys that the running server refused since it started, or, where
several servers share a catalogue, that any of them refused: the latest first,
with the fingerprint, when and from where it asked, and how often. The last 128
are known, and 16 of one address.

Usage:
  dync-server clients pending [options]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 listed, 5 no server runs with this DYNC_HOME.

Example:
  dync-server clients pending
`;

export const clientsApproveUsage = `
Authorise a key that the running server refused, without its file: its owner
tells you the fingerprint, by another way than this network.

Usage:
  dync-server clients approve FINGERPRINT --user USER [options]

A client that is refused shows its fingerprint. Compare all of it: whoever can
reach the server can have a key listed.

Options:
      --user USER       whose it is: the folder that the files go to
      --expires DATE    until when it is good: 2027-01-31 (the end of that day)
                        or 2027-01-31T12:00:00+01:00
${shared}
Example:
  dync-server clients approve --user meyer SHA256:47DEQpj8HBSa+/TImW+5JCeuQ...
`;

export const clientsExpireUsage = `
Say until when keys are good: when the command ends, a running server goes by
it. After that they are refused like keys that were never authorised, and what
they began ends; it is kept, and goes on when the key is renewed. The log warns
of a key once a day in its last 14 days.

Usage:
  dync-server clients expire WHO --at DATE [options]
  dync-server clients expire WHO --never [options]

WHO is a user, all of whose keys are meant, a fingerprint (SHA256:...) or the
name of a file in clients/. The date is in that file ("expires").

Options:
      --at DATE         2027-01-31 (the end of that day, by the clock of this
                        machine) or 2027-01-31T12:00:00+01:00
      --never           good until it is removed
${shared}
Examples:
  dync-server clients expire meyer --at 2027-01-31
  dync-server clients expire meyer --never
`;

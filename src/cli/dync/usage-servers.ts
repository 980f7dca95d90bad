// What `--help` prints for the commands about known servers.

export const trustUsage = `
Say which key a server must have: a connection to any other ends at once.

Usage:
  dync trust [options] SERVER FILE|KEY|FINGERPRINT

FILE is the server.key that the administrator of the server gave you, KEY the
40 characters of the key in it, in quotes. It is written to a file of its own
in DYNC_HOME/servers/, or where client.toml says for that server. SERVER is
HOST, HOST:PORT, [IPV6]:PORT or an alias from client.toml; without PORT the key
is for all ports of that host that have none of their own. A server with several
addresses (A,B) is known by the first one, and has one key.

A FINGERPRINT (SHA256:..., in the form of ssh-keygen) is no key: of those that
are here already, such as server.key, the one that has it is meant. The server
cannot be asked for its key, which it never shows.

Where the server is known by another key, in such a file or because it was
reached with it, nothing is changed and both fingerprints are shown (status 7).
Either the server has new keys, or somebody is posing as it: ask its
administrator, and not by a message that anybody could have sent.

Examples:
  dync trust dync.example.org server.key
  dync trust lab server.key --fingerprint SHA256:47DEQpj8HBSa+/TImW+5JCeuQ...
  dync trust --replace dync.example.org new-server.key

Options:
      --fingerprint FINGERPRINT
                           the fingerprint that the key has to have, as it was
                           told by another way than the key
      --replace            the server has new keys: the file with the old one is
                           kept beside the new one, named with the date
  -p, --port PORT          port of the server (default 8889)
      --json               print JSON lines for programs
  -h, --help               print this text

To trust a server no more, delete its file. Exit status 7 means that another key
is known, or the fingerprint is another one.
`;

export const joinUsage = `
Ask a server to let this user in.

Usage:
  dync join [options] [SERVER]

Shows the server this user's key. Where it does not know the key, whoever looks
after the server sees it from then on, by its fingerprint ("dync-server clients
pending", or "Keys" on the status page), and lets it in: no file is sent around.
The fingerprint is printed, to be read to them. SERVER is as for "dync send",
and its key has to be known ("dync trust"). Nothing is sent or stored.

Options:
      --wait DURATION      ask again until this user is let in, for so long at
                           most: 30m
  -p, --port PORT          port of the server (default 8889)
      --server-key FILE    key of the server, instead of the one in DYNC_HOME
      --json               print JSON lines for programs
  -h, --help               print this text

Exit status 0 means that this user is let in, and 7 that that is not yet so.

Examples:
  dync join dync.example.org
  dync join --wait 30m lab && dync -k sample:S-17 lab run42.raw
`;

export const serversUsage = `
List the servers that are known here, with the fingerprints of their keys.

Usage:
  dync servers [--json]

Known are those with a name in client.toml, those with a key of their own in
DYNC_HOME/servers/, and those that were reached. The fingerprint is that of the
key that a server must have; compare it with the one that "dync-server keygen"
showed there. "dync trust" sets a key.

Options:
      --json     print JSON lines for programs
  -h, --help     print this text

Exit status 2 means that client.toml, or a key of one of them, cannot be read.

Examples:
  dync servers
  dync servers --json
`;

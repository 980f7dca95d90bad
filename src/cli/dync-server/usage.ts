// What `dync-server --help` prints. For whoever sets a server up this text is the manual.

import { serverSettings } from "../../config/server-settings.ts";
import { aboutText, type Setting } from "../../config/setting.ts";

export const serverUsage = `
Receive files, with their metadata, from dync clients.

Usage:
  dync-server [run] [options]    run the server
  dync-server keygen [options]   make the server's keys
  dync-server clients            who may send: list, add, remove, …
  dync-server config check       say what is wrong with the configuration file
  dync-server config show        show each setting, and what says so
  dync-server config example     print a configuration file to begin with
  dync-server config import      make one of that of the original server
  dync-server catalogue          where uploads are remembered: migrate, copy
  dync-server rules test         say which rule takes an upload, or why none
  dync-server users list         what users have stored, and what they may have
  dync-server instruments        how watched folders are: last seen, backlog, …
  dync-server reload             make the running server read the file again
  dync-server drain              hand over what is under way, take nothing more
  dync-server servers            those that share the catalogue
  dync-server uploads            what became of uploads: list, show, verify, …
  dync-server hooks              what hooks are still told: list, retry, drop
  dync-server alarms             what is wrong just now: list, try
  dync-server audit              who did what, for good: verify, show
  dync-server storage check      what lies in the object store and is nobody's
  dync-server receipts           the key that signs receipts: key, rotate-key
  dync-server completions SHELL  print a script with which a shell completes

Examples:
  dync-server keygen
  dync-server clients add meyer@pc7.key     what "dync keygen" made there
  dync-server --data /srv/incoming

A file F of the user U ends up as U/F in the data folder, beside it F.sha256
and F.meta.json. It is not there before all of it is there and checked. A new
file in clients/ counts at once; the uploads of one that is removed end within
seconds.

Options:
${optionLines()}
      --config FILE         where more settings stand (default
                            DYNC_HOME/server.toml, if it is there)
  -h, --help                print this text
  -V, --version             print the version

Each of them is also a setting of the file (max-uploads = 500);
--no-trust-user-ids turns off what that, or a variable, turns on.

Sizes are 64MiB, 1G or a number of bytes; durations are 90s, 15m, 24h, 7d.

Files in DYNC_HOME (default ~/.dync):
  server.toml                     the settings; "dync-server config example"
  server.key, server.key_secret   the server's keys, made by "keygen"
  receipts.key_secret, receipts.jwks
                                  the keys that sign receipts, made at the start
  clients/USER.key                public keys of those who may send
  clients/USER+WHATEVER.key       further keys of the same user

SIGHUP, and "dync-server reload", make it read the file and the keys again.

Exit status:
  0  stopped by SIGTERM      5    what passes: a port in use, a full disk
  1  anything else           130  stopped by Ctrl-C (SIGINT)
  2  usage or configuration: somebody has to change something
`;

export const serverKeygenUsage = `
Make the keys of a server, and the folder for the keys of its clients.

Usage:
  dync-server keygen [options]

Writes server.key, which every client needs, and server.key_secret, which
nobody else may ever see. Keys that are there already stay as they are.

Options:
      --folder FOLDER  where to write them (default DYNC_HOME, that is ~/.dync)
  -n, --name NAME      name of the files, before ".key" (default "server")
      --user-id USER   name that is written into the keys
      --force          make new keys where some are there: all clients need the
                       new one; the old ones are kept, named with the date
      --json           print JSON lines for programs
  -h, --help           print this text

Example:
  DYNC_HOME=/etc/dync dync-server keygen
`;

/** A line for each setting, or some: what it is called, and from column 28 to 80 what it is. */
export function optionLines(): string {
  const column = " ".repeat(28);
  const settings: readonly Setting<unknown>[] = Object.values(serverSettings);
  const lines = settings.map((it) => {
    const option = `      --${it.name} ${it.kind.placeholder ?? ""}`.trimEnd();
    const begin = option.length + 2 > column.length ? `${option}\n${column}` : option.padEnd(column.length);
    return begin + `${aboutText(it)} `.replace(/(.{1,52}) /g, `$1\n${column}`).trimEnd();
  });
  return lines.join("\n");
}

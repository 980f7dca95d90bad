// What `dync-server config … --help` prints.

import { optionLines } from "./usage.ts";

export const configUsage = `
Look at the configuration of the server, and check it before it counts.

Usage:
  dync-server config check [FILE]    say what is wrong with the file
  dync-server config show [options]  what holds, and what says so
  dync-server config example         a file to begin with
  dync-server config import FILE     one made of that of the original server

To change something in a running server, edit the file, then:
  dync-server config check && dync-server reload
`;

export const configCheckUsage = `
Read a configuration file, and say "OK", or all that is wrong with it: a line
for each mistake, with the line of the file that it stands in.

Usage:
  dync-server config check [options] [FILE]

FILE is DYNC_HOME/server.toml, that is ~/.dync/server.toml, unless given.
Nothing but the file is looked at: a folder that is missing, or a port that
another program uses, shows when the server starts. One that is called
shared.toml is checked as what servers that share a catalogue have in common.

Options:
      --config FILE  the same as FILE; or DYNC_SERVER_CONFIG
      --json         print JSON lines for programs
  -h, --help         print this text

Exit status: 0 nothing is wrong, 2 something is, or there is no such file.

Examples:
  dync-server config check
  dync-server config check new.toml && mv new.toml ~/.dync/server.toml
`;

export const configShowUsage = `
Show each setting as it holds, and what says so: an option, a variable, a line
of the file, or of shared.toml beside the keys, which servers that share a
catalogue have in common, or the default. It is what "dync-server run" would go
by with the same options and the same variables.

Usage:
  dync-server config show [options]

Options:
${optionLines()}
      --config FILE         where more settings stand (default
                            DYNC_HOME/server.toml, if it is there)
      --json                print JSON lines for programs
  -h, --help                print this text

Examples:
  dync-server config show
  dync-server config show --data /srv/incoming
`;

export const configExampleUsage = `
Print a configuration file with all settings and what they mean. It says
nothing yet: each setting stands in it with its default, behind a "#".

Usage:
  dync-server config example > ~/.dync/server.toml

Options:
  -h, --help  print this text

Example:
  dync-server config example > ~/.dync/server.toml
`;

export const configImportUsage = `
Make a configuration of the one that the original server (qbicsoftware/dync)
was run with, /etc/dyncserver.yaml: its dropboxes become rules that take the
same uploads, in the same order, and put them as it did. What is another way
here, or cannot be expressed, is said in comments, with the line of FILE, and on
standard error. Nothing but FILE is looked at, and no file is replaced.

Usage:
  dync-server config import [options] FILE

Options:
      --output FILE  write it to this file, which must not be there; without it
                     to standard output
  -h, --help         print this text

Exit status: 0 the server takes what the original took, 1 something of it is
lost (each is named), 2 FILE is no such configuration, or --output is there.

Example:
  dync-server config import --output server.toml /etc/dyncserver.yaml
`;

export const rulesUsage = `
Try the rules of the configuration: which uploads are taken, and what their
metadata must say. How they are written is in "dync-server config example".

Usage:
  dync-server rules test --user USER --name NAME [options]
`;

export const rulesTestUsage = `
Say which rule of the configuration takes an upload, or why it is refused, in
the words that its sender would read. Nothing is sent, and no server asked.

Usage:
  dync-server rules test --user USER --name NAME [options]

Options:
      --user USER      who would send it
  -n, --name NAME      what it would be called; with --dataset, as a folder
      --dataset        it is a folder
      --size SIZE      how large it is: 12GiB, or a number of bytes; without
                       that no bound on it is looked at
  -m, --metadata FILE  a JSON object with its metadata ("-": standard input)
  -k, --key-value KEY:VALUE
                       a field of its metadata, a text (KEY:=JSON is one that
                       is none, such as run:=7); goes over the one in FILE
      --config FILE    the configuration (default DYNC_HOME/server.toml)
      --json           print JSON lines for programs
  -h, --help           print this text

Exit status: 0 it is taken, 6 the metadata are refused, 7 no rule takes it, or
it is more than the user may send.

Example:
  dync-server rules test --user meyer --name run42.raw -k sample:S-17
`;

export const reloadUsage = `
Make the running server read its configuration and its keys again. Uploads go
on. It takes all of a new configuration, or none of it: where something is
wrong, that is listed, and the server goes on with what it has. What counts only
at a start (such as the port and the data folder) is named, and stays.

Usage:
  dync-server reload [options]

The server is the one with the same DYNC_HOME, of the same user. Options and
variables that it was started with still count before the file. SIGHUP does the
same, and says what came of it in the log alone.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 taken, 2 refused, 5 no server runs there.

Example:
  dync-server config check && dync-server reload
`;

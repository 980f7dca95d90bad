// What `dync --help` prints. For most users this text is the manual: examples come before completeness.

export const dyncUsage = `
Send files, with their metadata, to a dync server.

Usage:
  dync [send] [-m FILE] [-k KEY:VALUE]... [options] [SERVER] FILE...
  dync [send] [-m FILE] [-k KEY:VALUE]... [options] -n NAME [SERVER] [FILE|-]
  dync [send] [-m FILE] [-k KEY:VALUE]... [options] --dataset [SERVER] FOLDER...
  dync keygen [options]          make the keys of this user
  dync trust SERVER FILE         say which key a server must have
  dync join [SERVER]             ask a server to let this user in
  dync servers                   list the servers that are known here
  dync status [SERVER]           what runs there, arrived, and was refused
  dync uploads                   list what is unfinished
  dync resume [ID]...            go on with all or some of it
  dync cancel ID...              drop some of it, here and on the server
  dync check [SERVER] PATH...    tell whether a server has what lies here
  dync history [PATH]...         list what was sent from here
  dync free [SERVER] DIR         what may be deleted here, proved by the server
  dync limit [RATE]              how fast files are sent, from now on
  dync doctor [SERVER]           find out why nothing can be sent
  dync watch [SERVER] DIR        send what appears in a folder, when complete
  dync receipts                  list what servers signed of that
  dync verify-receipt FILE       say what such a receipt proves
  dync service install [SERVER] DIR
                                 watch a folder in the background
  dync completions SHELL         print a script with which a shell completes

Examples:
  dync dync.example.org run42.raw -k sample:S-17 -k operator:"A. Meyer"
  dync -m run42.json dync.example.org run42.raw
  dync -k sample:S-17 dync.example.org *.raw
  dync -k sample:S-17 --dataset dync.example.org run42/
  dync -k sample:S-17 --live --complete-on Done.txt dync.example.org run42/
  find run42 -newer last -print0 | dync -k sample:S-17 -0 --files-from - lab
  dync -k sample:S-17 --stdin-from-command -n run42.tar lab -- tar -c run42/

SERVER is HOST, HOST:PORT, [IPV6]:PORT or an alias from client.toml; or several
addresses of one server, with commas and no spaces: A,B:9000. They are tried in
turn until one is the server's, which a command then keeps to; the first is what
the server is known by. _dync._tcp.DOMAIN stands for SRV records in DNS. Where
DYNC_SERVER, or default_server in client.toml, names one it may be left out. A
first word is then a FILE, unless it is an alias, has a port, is an IP address
or localhost, or is the host of an alias or one with a key file of its own.

Without FILE, or with "-", the data is read from standard input, and -n is
needed. In "tar -c run42/ | dync ..." nobody hears of a tar that fails: what it
wrote until then is stored, with status 0. With --stdin-from-command dync runs
the program behind "--" itself, and stores nothing unless it ended with 0.

Only the last part of FILE's path is sent. Of several files some are sent at
once; one that fails does not stop the others, and the end says what became of
all. Exit status 0 means that the server has confirmed that all of it is
stored, with the right checksum; nothing else means that.

With --dataset a folder is one upload, published as a folder of that name, all
or nothing: with its structure, times and empty folders, as it was when it was
listed. A file that changes meanwhile ends it with status 4. Symbolic links,
second names of a file (hard links), sockets and devices are named and left out,
and so is, counted, what systems leave behind. PATTERNs are those of .gitignore,
without "!": "*.tmp" is a name at any depth, "/raw/*.d" a path from the folder
on, "tmp/" folders only, "a/**/b" any number of folders between; a folder that
matches is meant with all that is in it.

The table's column "file", "folder" or "path", or else its first one, says
which file a row is for, by its name or as much of its path as is needed. All
cells are text, and an empty one says nothing. It may be separated by ";", ","
or tabs. With anything wrong in it nothing is sent.

Options:
  -m, --meta FILE          metadata: a file that holds one JSON object, or "-":
                           standard input; it arrives as it is written
  -k, --key-value KEY:VALUE
                           one field of metadata, a text; KEY:=JSON is one that
                           is none: run:=7, blank:=true, 'tags:=["a","b"]'; goes
                           over the same field of -m; may be given many times,
                           each key once
      --metadata-from FILE a table (CSV) with a row for each file that is sent
                           and a column for each field; they go over -m and -k
      --sidecars           the object in NAME.meta.json beside a file NAME is
                           its metadata, over all that is said elsewhere; such
                           files are then not sent themselves
  -n, --name NAME          name of the file on the server, without folders
      --name-template TEXT names of several files: {stem} and {ext} of the name
                           ("run42" and ".raw"), {parent}: its folder, {date}:
                           when it was last modified, as 2026-07-30
      --unpack             the data is a tar: publish what is in it as a folder,
                           all or nothing, under the name without ".tar"
      --files-from FILE    send as well what FILE lists, or "-": standard input;
                           one path a line
  -0, --null               in that list each path ends with a NUL character
  -r, --recursive          of folders send all files one by one, under the last
                           part of their paths, or as --name-template says
      --dataset            send each FOLDER as one upload (see above); -n is the
                           name of the dataset
      --live               send FOLDER as one upload while it is still being
                           written: each file when it is complete, again when
                           it changed since, and all of it published at the end
      --complete-on GLOB   with --live: the run is over when this file is there,
                           as "CopyComplete.txt" or "logs/*.done"
      --profile NAME       with --live, instead of --complete-on: what is known
                           of the instrument, by a name that "dync watch" lists,
                           or your own file (./my.toml)
      --settle DURATION    with --live: how long a file has to be quiet to be
                           complete (default 60s, or what the profile says)
      --include PATTERN    of a folder only what matches one of these; may be
                           given many times
      --exclude PATTERN    of a folder all but what matches one of these, which
                           goes over --include; may be given many times
      --links WHAT         "follow" sends what links lead to, "skip" (default)
                           leaves them out, "fail" sends nothing where one is
      --all                keep what systems leave behind, such as .DS_Store,
                           Thumbs.db, desktop.ini and ~$report.docx
      --stdin-from-command the data is what the program behind "--" writes; if
                           that fails nothing is stored (status 4)
      --stdin-jobs         read jobs from standard input, each a line of JSON,
                           such as {"path": "a.raw", "metadata": {"run": 7}},
                           and print such a line for each that is over
  -p, --port PORT          port of the server (default 8889)
      --server-key FILE    key of the server, instead of the one in DYNC_HOME
      --jobs NUMBER        so many files at once (default 4)
      --limit RATE         send no faster than RATE bytes a second, all files
                           together: 20MB/s, or "Mon-Fri 08:00-18:00 5MB/s,
                           20MB/s". "dync limit" changes it while it runs, and
                           its --help says more
      --priority WHAT      low, normal or high: uploads beside which the server
                           serves a more urgent one make way for it, as far as
                           it allows you that
      --skip-identical     read each file first, and send nothing of what you
                           have there already, under any name, with the same
                           content and metadata
      --dry-run            only show what would be sent, with name and metadata,
                           and what cannot be; no server is asked
      --retry-for DURATION keep trying for so long when the server cannot be
                           reached (default, once it was reached: 24h, and 15m
                           where no terminal is)
  -q, --quiet              print errors only
      --json               print JSON lines for programs
  -h, --help               print this text
  -V, --version            print the version

Files in DYNC_HOME (default ~/.dync):
  client.key, client.key_secret
                           keys of this user, made by "dync keygen"
  servers/HOST_PORT.key, servers/HOST.key, server.key
                           keys of servers ("dync trust"); the first that is
                           there counts
  servers/HOST_PORT.reached
                           with which key a server was reached last
  rules/HOST_PORT.json     copies of servers' rules, for "dync check"
  receipts/                what servers signed, and the keys that they sign with
  limit                    how fast to send, written by "dync limit"
  client.toml              default_server = "ALIAS", limit = "RATE", and for
                           each alias [servers.ALIAS] with host = "HOST" (or
                           several, with commas), and
                           where needed port = PORT, server_key = "FILE", jobs =
                           NUMBER, retry_for = "DURATION", limit = "RATE",
                           profile = "NAME" (of "dync watch"), and metadata =
                           { KEY = "VALUE" }: fields that all others go over

Exit status:
  0  everything confirmed    5  unreachable or timed out: try again
  1  anything else           6  metadata rejected
  2  usage or configuration  7  refused for good: key, permission, name taken
  3  some files failed       8  checksum mismatch
  4  file missing, unreadable or changed while it was read
  9  nobody can know: the server is an older one ("dync check", "dync free",
     "dync status")
  130  interrupted (143 by SIGTERM); a shell's loop ends as well
`;

export const keygenUsage = `
Make the keys with which this user sends files.

Usage:
  dync keygen [options]

Writes client.key_secret, which nobody else may ever see, client.key, and a
copy of that one to be sent to the administrator of the server: USER@HOST.key,
from the names of this account and this computer. Keys that are there already
stay as they are.

Options:
      --folder FOLDER  where to write them (default DYNC_HOME, that is ~/.dync)
  -n, --name NAME      name of the files, before ".key" (default "client");
                       without a copy to be sent
      --user-id USER   user name that is written into the keys, for servers that
                       trust it; to others the name of the key file there is
                       the user
      --force          make new keys where some are there; the old ones are kept
                       beside them, named with the date
      --json           print JSON lines for programs
  -h, --help           print this text

Example:
  dync keygen --user-id meyer
`;

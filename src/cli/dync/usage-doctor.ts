// What `--help` prints for `dync doctor`.

export const doctorUsage = `
Find out why nothing can be sent: go the way of an upload, step by step.

Usage:
  dync doctor [options] [SERVER]

Prints a line for each step: "ok", "FAULT" with what to do about it, or "?" for
what cannot be found out. A fault that is in the way of all others ends it.

  home       the folder of keys and state, DYNC_HOME, and who may write there
  variables  the variables of dync that say something (see Environment)
  keys       this user's keys, with the fingerprint
  trust      the key that the server must have
  name       the addresses of the server's name, or names
  port       whether something listens there
  handshake  whether that is the server, by its key; at which of its addresses
  access     whether it accepts this user's key, and as whose
  clock      whether this computer's clock goes as the server's does
  space      how much room there is, here and on the server
  upload     a small upload, which is dropped as soon as some of it was taken

Nothing is stored; the server logs the trial upload, and asks its hooks about it
if it has any. SERVER is as for "dync send"; without one, and without a default,
only the steps on this computer are taken. An older server, or one of the
original, tells neither its time nor its room, and gets no upload. Where the
server's rules want something of names or metadata, say what one of your files
would have.

Options:
  -n, --name NAME          name of the trial upload (default: one that nobody
                           has)
  -m, --meta FILE, -k, --key-value KEY:VALUE
                           its metadata, as with "dync send"
  -p, --port PORT          port of the server (default 8889)
      --server-key FILE    key of the server, instead of the one in DYNC_HOME
      --json               print JSON lines for programs
  -h, --help               print this text

Exit status 0 means that no step has a fault; else it is that of the first one:
  1  the clocks differ by more than five minutes, or the disk here is full
  2  home folder, keys, or client.toml
  5  the server cannot be reached, or has no room
  6  its rules want other metadata
  7  the key is not accepted, or what answers is not the server

Examples:
  dync doctor
  dync doctor dync.example.org
  dync doctor lab -n run42.raw -k sample:S-17
`;

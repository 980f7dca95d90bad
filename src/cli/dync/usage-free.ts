// What `--help` prints for `dync free`.

export const freeUsage = `
Say what may be deleted in a folder, because the server has it for certain.

Usage:
  dync free [options] [SERVER] DIR
  dync free --delete [options] [SERVER] DIR

Goes through what was sent from DIR to SERVER, as "dync history" has it, and
proves of each file and each dataset that is still here, now: that it is what
was sent (size, time and id on the disk are the same, and what is read of it
has the same SHA-256), and that the server has it: the server reads its own copy
again, from its disk, and finds that checksum. "free" is what was proved, "kept"
what was not, and why. What was never sent is not looked at. SERVER is as for
"dync send"; the whole of DIR may take as long as reading it takes.

Nothing is deleted without --delete, and with it nothing that was not proved a
moment before. Each file is looked at once more right before it goes: one that
was changed meanwhile stays. Of a dataset go the files that were sent, and then
its folders where they are empty; what came into it since stays, and is named.
Links are not followed, nor is another volume looked at. An older server, which
does not read its files again, proves nothing: nothing is deleted then.

Exit status 0 means that all that was sent from DIR and is still here is proved,
and with --delete that it is deleted; 3 that something is kept; 9 that this
server cannot prove it; others as those of "dync --help".

Options:
      --delete             delete what is proved
  -p, --port PORT          port of the server (default 8889)
      --server-key FILE    key of the server, instead of the one in DYNC_HOME
      --retry-for DURATION keep trying for so long when the server cannot be
                           reached (default, once it was reached: 24h, and 15m
                           where no terminal is)
  -q, --quiet              print errors, and what is kept
      --json               print JSON lines for programs
  -h, --help               print this text

Examples:
  dync free dync.example.org D:\\Data
  dync free --delete lab /data/runs/2026-05
`;

// What `dync-server audit … --help` prints.

export const auditUsage = `
Look at the audit log: who was let in or refused, what was stored, and what was
changed about the server, each line with the SHA-256 of the one before. It is
read from its files, and those of other servers from the catalogue that they
share with this one; no server needs to run.

Usage:
  dync-server audit verify [options]    whether it is as it was written
  dync-server audit show [options]      what is in it
`;

const where = `      --own          this server's log alone, where servers share a catalogue;
                     the database is not asked
      --data FOLDER  the server's data folder, as the server has it (default:
                     what its configuration says); the log is in .dync/audit
                     there
      --config FILE  the configuration (default DYNC_HOME/server.toml)
      --json         print JSON lines for programs
  -h, --help         print this text`;

export const auditVerifyUsage = `
Say whether the audit log is as it was written: a line that was changed,
removed, added or moved is told with its file and number. It prints the number
of the last line and its SHA-256. Kept elsewhere, they show later that nothing
was cut off at the end, which the log alone cannot. Where servers share a
catalogue it looks at the logs of all of them there, and whether this one has
what went there.

Usage:
  dync-server audit verify [options] [FILE...]

Options:
      --expect NUMBER:HASH
                     what it printed earlier, or what the server's log says:
                     that line has to be there, and be the same
${where}

FILEs are months of it, the oldest first, such as copies.

Exit status: 0 it is, 1 it is not, or there is none.

Example:
  dync-server audit verify
`;

export const auditShowUsage = `
Show the audit log, the oldest line first, in local time; where servers share
a catalogue those of all of them, each line with the name of its server.

Usage:
  dync-server audit show [options] [FILE...]

Options:
      --user USER    of this user alone
      --event EVENT  of this kind alone; may be repeated:
                     uploads: admitted, refused, finished, failed, cancelled,
                     expired; keys: key-added, key-approved, key-removed,
                     key-ended, key-expired, key-renewed, key-refused; the
                     server: started, stopped, reloaded, reload-refused,
                     receipts-key, command; the log: gap, cut, damaged
      --upload ID    of this upload, or of those whose ids begin so
      --since WHEN   then or later: a date (2026-07-30), a time
                     ("2026-07-30 14:00"), or so long ago (2d, 12h)
      --until WHEN   before that
${where}

FILEs are months of it, the oldest first, such as copies. It shows what stands
there; whether it is as it was written, "dync-server audit verify" says.

Exit status: 0 shown, 1 there is none.

Examples:
  dync-server audit show --user meyer --since 7d
  dync-server audit show --event key-refused --event key-added
`;

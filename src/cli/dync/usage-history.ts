// What `--help` prints for `dync history`.

export const historyUsage = `
List what was sent from here and confirmed.

Usage:
  dync history [options] [PATH]...

Each line has when the server confirmed it, in local time, and the size; then
what was sent to where; then the SHA-256, and the server's id of the upload.
With PATH only what lies there, or in that folder. What was there already, so
that nothing was sent, is marked. Of very many uploads the oldest are forgotten.

Options:
      --since WHEN  only what was confirmed since then: a date (2026-07-30), a
                    time ("2026-07-30 14:00"), or so long ago (7d, 12h)
      --json        print JSON lines for programs
  -h, --help        print this text

Examples:
  dync history --since 7d
  dync history day7/
`;

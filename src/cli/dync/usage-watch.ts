// The help text of `dync watch`.

export const watchUsage = `
What may be waited for in a watched folder.

Usage:
  dync watch --profiles
  dync watch --reasons

Options:
      --profiles           list the kinds of instruments that are known
      --reasons            list why something may not be sent yet
      --json               print JSON lines for programs
  -h, --help               print this text
`;

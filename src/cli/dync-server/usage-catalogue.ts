// What `dync-server catalogue … --help` prints.

import { optionLines } from "./usage.ts";

export const catalogueUsage = `
Where the server remembers uploads: in a file of SQLite in the data folder,
unless the setting "catalogue" names a PostgreSQL database.

Usage:
  dync-server catalogue migrate       make its tables in PostgreSQL, or bring
                                      them to this version
  dync-server catalogue copy FROM TO  move all that is in it
`;

export const catalogueMigrateUsage = `
Make the tables of the catalogue in the PostgreSQL database that the setting
"catalogue" names, or bring them to the version of this program. Run it before
the first start, and after each update: the server itself makes no tables. Run
twice, or by several at once, it does no harm.

Usage:
  dync-server catalogue migrate [options]

Options:
${optionLines()}
      --config FILE         where more settings stand (default
                            DYNC_HOME/server.toml, if it is there)
      --json                print JSON lines for programs
  -h, --help                print this text

Exit status: 0 they are there, 2 somebody has to change something (password,
rights, a newer version made them), 5 no database answers.

Example:
  dync-server catalogue migrate --catalogue postgres://dync@db.example.org/dync
`;

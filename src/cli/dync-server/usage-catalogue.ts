// What `dync-server catalogue … --help` prints.

/** The options that say where catalogue and data are. */
const placeLines = `      --catalogue ADDRESS  the database: postgres://USER@HOST/DATABASE
      --data FOLDER        where files go (default DYNC_HOME/data)
      --config FILE        where more settings stand (default
                           DYNC_HOME/server.toml, if it is there)
      --json               print JSON lines for programs
  -h, --help               print this text`;

export const catalogueUsage = `
Where the server remembers uploads: in a file of SQLite in the data folder,
unless the setting "catalogue" names a PostgreSQL database.

Usage:
  dync-server catalogue migrate       make its tables in PostgreSQL, or bring
                                      them to this version
  dync-server catalogue copy          move all that is in it to PostgreSQL, or
                                      back to SQLite
`;

export const catalogueMigrateUsage = `
Make the tables of the catalogue in the PostgreSQL database that the setting
"catalogue" names, or bring them to the version of this program. Run it before
the first start, and after each update: the server itself makes no tables. Run
twice, or by several at once, it does no harm.

Usage:
  dync-server catalogue migrate [options]

Options:
      --adopt              the catalogue there is from now on about this data
                           folder, which took the place of another one
${placeLines}

Exit status: 0 they are there, 2 somebody has to change something (password,
rights, a newer version made them), 5 no database answers.

Example:
  dync-server catalogue migrate --catalogue postgres://dync@db.example.org/dync
`;

export const catalogueCopyUsage = `
Copy all that the catalogue has, from the file in the data folder to the
PostgreSQL database that the setting "catalogue" names, or back: uploads with
their metadata, what hooks are still told, what users have stored. The server
must not run meanwhile. All of it is copied, or nothing.

Usage:
  dync-server catalogue copy --to postgres|sqlite [options]

Options:
      --to KIND            "postgres" or "sqlite": where it is to be; the other
                           one is what is copied
      --replace            give up what is there already
${placeLines}

A file of SQLite that was copied, or replaced, stays beside the new one's place
under another name: catalogue.sqlite.copied-1, catalogue.sqlite.replaced-1.

Exit status: 0 copied, 2 somebody has to change something, 5 a server runs
there, or no database answers.

Examples:
  dync-server catalogue migrate --catalogue postgres://dync@db.example.org/dync
  dync-server catalogue copy --to postgres --catalogue postgres://db/dync
`;

// What the package `pgpass`, which is a part of `pg`, is: it brings no types.

declare module "pgpass" {
  /** Looks a password up in PGPASSFILE, or ~/.pgpass. */
  function pgpass(
    connection: Readonly<{
      host: string;
      port: number;
      user?: string | undefined;
      database?: string | undefined;
    }>,
    found: (password: string | undefined) => void,
  ): void;
  export = pgpass;
}

// TLS on the way to PostgreSQL: the certificate is checked, unless somebody says that it is not.

import { expect, test } from "bun:test";
import { migratePostgres } from "../../src/catalogue/postgres.ts";
import { certificateMissing, makeCertificate } from "../support/certificate.ts";
import { openPostgres, postgresMissing } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";

const missing = postgresMissing ?? certificateMissing;
const named = "each sslmode does what it says, and what is wrong with a certificate is one line";

test.skipIf(missing !== null)(`${named}${missing === null ? "" : ` (${missing})`}`, async () => {
  await using folder = await tempFolder();
  const [certificate, key, other] = ["c.pem", "k.pem", "other.pem"].map((name) => folder.file(name)) as [
    string,
    string,
    string,
  ];
  makeCertificate(other, folder.file("other-key.pem"));
  makeCertificate(certificate, key);
  await using postgres = await openPostgres({ tcp: true, tls: { certificate, key } });
  await postgres.run("CREATE ROLE anna LOGIN PASSWORD 'word'");
  await postgres.run("CREATE DATABASE own OWNER anna");
  const url = postgres.tcpUrl("own", "anna", "word");
  /** "in", or why not. */
  const come = async (parameters: string): Promise<string> => {
    try {
      await migratePostgres({ url: `${url}?${parameters}`, log: silentLogger });
      return "in";
    } catch (error) {
      return (error as Error).message;
    }
  };
  const rootOf = (path: string) => `sslrootcert=${encodeURIComponent(path)}`;
  for (const mode of ["verify-full", "verify-ca", "require", "prefer"])
    expect([mode, await come(`sslmode=${mode}&${rootOf(certificate)}`)]).toEqual([mode, "in"]);
  expect(await come("sslmode=no-verify")).toBe("in");
  expect(await come("sslmode=disable")).toBe("in");
  const refused = /^No TLS with PostgreSQL at anna@127\.0\.0\.1:\d+\/own: self.signed certificate/;
  expect(await come("sslmode=require")).toMatch(refused);
  expect(await come(`sslmode=verify-full&${rootOf(other)}`)).toMatch(refused);
  expect(await come("sslmode=verify-full&sslrootcert=%2Fgone")).toMatch(
    /^The address of the catalogue cannot be read: ENOENT/,
  );
  // Only what is encrypted gets in from now on.
  const access = "hostnossl all all all reject\nhostssl all all all scram-sha-256\nlocal all all trust\n";
  postgres.admit(access);
  await postgres.stop();
  await postgres.start();
  expect(await come(`sslmode=verify-full&${rootOf(certificate)}`)).toBe("in");
  expect(await come("sslmode=disable")).toMatch(/does not let dync-server in: .*no encryption/);
});

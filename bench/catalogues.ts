// What a catalogue takes for an upload (it is looked for, added, published and finished), with some in flight at once, in SQLite and in
// PostgreSQL on this machine: `bun bench/catalogues.ts`. The processor time is this process's own.

import type { Catalogue, Owner } from "../src/catalogue/catalogue.ts";
import { migratePostgres, openPostgresCatalogue } from "../src/catalogue/postgres.ts";
import { openSqliteCatalogue } from "../src/catalogue/sqlite.ts";
import { openPostgres } from "../test/support/postgres.ts";
import { silentLogger as log } from "../test/support/silent-logger.ts";
import { tempFolder } from "../test/support/temp-folder.ts";

const owner: Owner = { id: "server-1", leaseMs: 0 };
const bounds = { uploads: 1_000_000, metadataBytes: 2 ** 40 };
const rounds = [
  { atOnce: 1, uploads: 300 },
  { atOnce: 16, uploads: 3000 },
  { atOnce: 64, uploads: 6000 },
];

let last = 0;

async function upload(catalogue: Catalogue): Promise<void> {
  const number = ++last;
  const at = new Date().toISOString();
  const identity = number.toString(16).padStart(32, "0");
  await catalogue.find(identity, "anna", "key");
  const admitted = await catalogue.admit(
    {
      ...{ id: identity, identity, user: "anna", origin: "key", name: `run-${number}.raw`, place: null },
      ...{
        form: "file",
        held: null,
        size: 10_000,
        modified: null,
        client: "dync",
        createdAt: at,
        mark: null,
      },
      metadataText: '{"sample":"A1","instrument":"lcms"}',
    },
    owner,
    bounds,
  );
  if (admitted.type !== "admitted") throw new Error(`Not added: ${admitted.type}`);
  const complete = { sha256: identity, content: identity, receivedAt: at, bytes: 10_000 };
  await catalogue.change(admitted.hold, { verb: "begin-publish", ...complete, at });
  await catalogue.change(admitted.hold, { verb: "finish", at, deliveries: [] });
}

async function measure(name: string, catalogue: Catalogue): Promise<void> {
  for (let warm = 0; warm < 200; warm++) await upload(catalogue);
  for (const { atOnce, uploads } of rounds) {
    const [cpu, begin, end] = [process.cpuUsage(), performance.now(), last + uploads];
    const work = async (): Promise<void> => {
      while (last < end) await upload(catalogue);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    const { user, system } = process.cpuUsage(cpu);
    const rate = (1000 * uploads) / (performance.now() - begin);
    const each = (user + system) / 1000 / uploads;
    process.stdout.write(`${name}, ${atOnce} at once: ${rate.toFixed(0)}/s, ${each.toFixed(2)} ms each\n`);
  }
}

await using folder = await tempFolder();
const sqlite = await openSqliteCatalogue({ file: folder.file("c.sqlite"), log });
await measure("SQLite", sqlite);
sqlite.close();
await using postgres = await openPostgres({ fsync: true });
const url = postgres.url(await postgres.newDatabase());
await migratePostgres({ url, log });
const { catalogue } = await openPostgresCatalogue({ url, log });
await measure("PostgreSQL", catalogue);
await catalogue.close();

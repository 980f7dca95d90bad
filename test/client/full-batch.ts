// Begins a batch of 20,000 files in the home folder that it is given, says what came of it as JSON, and puts all away. Run by
// `batch-store.test.ts` where no file may grow.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { BatchStore } from "../../src/client/batch/batch-store.ts";
import type { Job } from "../../src/client/job.ts";

const home = process.argv[2] as string;

async function* jobs(): AsyncGenerator<Job> {
  for (let number = 0; number < 20_000; number++)
    yield {
      host: "lab",
      port: 8889,
      serverKeyFile: null,
      origin: { kind: "file", path: `/data/${"x".repeat(100)}/${number}.raw` },
      name: `${number}.raw`,
      metadataText: `{"run":${number % 100}}`,
    };
}

const batch = await new BatchStore(home).begin(
  jobs(),
  "2026-01-02T03:04:05.000Z",
  new AbortController().signal,
);
const names: string[] = [];
for await (const { name } of batch.jobs()) names.push(name);
await batch.close();
const left = readdirSync(join(home, "batches"));
process.stdout.write(
  JSON.stringify({
    fault: batch.fault?.code,
    names: names.length,
    first: names[0],
    last: names.at(-1),
    left,
  }),
);

// `dync-server storage check`: what lies in the object store and is nobody's, and takes it away where that is asked for. No server is asked.

import { DyncError } from "../../base/error.ts";
import { localTime } from "../../base/local-time.ts";
import { silentLogger } from "../../base/log.ts";
import { parseDuration } from "../../config/duration.ts";
import { isBucket, writeBucket } from "../../config/object-store.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap } from "../option-value.ts";
import { printable } from "../printable.ts";
import { givenOptions, readConfiguration } from "./configuration.ts";
import { s3PlaceOf } from "./s3-place.ts";
import { storageCheckUsage } from "./usage-storage.ts";

const olderDefault = "1d";

export const storageCheckCommand = defineCommand({
  name: "storage check",
  usage: storageCheckUsage,
  options: {
    ...sharedOptions,
    config: { type: "string" },
    older: { type: "string" },
    remove: { type: "boolean" },
    json: { type: "boolean" },
  },
  check: ({ values }) => ({ misread: null, others: faultsOf(() => readOlder(values.older?.[0])) }),
  async run({ config, older, remove }, context) {
    const ageMs = readOlder(older);
    const { settings } = await readConfiguration(givenOptions({ config }, context), context.environment);
    const { storage } = settings;
    if (storage === null || !isBucket(storage))
      throw new DyncError(
        "configuration",
        `Uploads go to ${storage === null ? "the data folder" : "a folder"}: there is no object store to look at`,
        {
          hint: "the server itself deletes what is left there",
        },
      );
    const { clock, output } = context;
    output.summarise({ storage: writeBucket(storage) });
    const place = await s3PlaceOf(storage, settings);
    const [{ S3Client }, { Keys }, { orphansIn }, { startTrouble }] = await Promise.all([
      import("../../storage/s3/client/s3-client.ts"),
      import("../../storage/s3/keys.ts"),
      import("../../storage/s3/store-orphans.ts"),
      import("../../storage/s3/client/s3-error.ts"),
    ]);
    const client = new S3Client(place, { clock, log: silentLogger, random: Math.random });
    const before = new Date(clock.date().getTime() - ageMs);
    let left = 0;
    let removed = 0;
    try {
      for await (const orphan of orphansIn({ client, keys: new Keys(storage.prefix) })) {
        if (orphan.since > before) continue;
        if (remove) await orphan.remove();
        remove ? removed++ : left++;
        const { kind, key, since } = orphan;
        output.record("orphan", { kind, key, since: since.toISOString(), removed: remove });
        output.result(line(orphan, remove));
      }
    } catch (error) {
      throw startTrouble(writeBucket(storage), error, clock.date());
    } finally {
      client.close();
      output.summarise({ left, removed });
    }
    if (left === 0) output.say(`Nothing is left in ${writeBucket(storage)} that is nobody's`);
    else output.say('"dync-server storage check --remove" takes that away');
    return left === 0 ? 0 : 1;
  },
});

const kinds = {
  multipart: "parts of an upload that nobody knows",
  metadata: "metadata without their file",
  member: "a file of a dataset that nobody knows",
} as const;

function line(
  { kind, key, since }: { readonly kind: keyof typeof kinds; readonly key: string; readonly since: Date },
  isRemoved: boolean,
): string {
  return printable(
    `${localTime(since.toISOString())}  ${key}: ${kinds[kind]}${isRemoved ? ", removed" : ""}`,
  );
}

function readOlder(text: string | undefined): number {
  return unwrap(parseDuration(text ?? olderDefault), optionText("older"));
}

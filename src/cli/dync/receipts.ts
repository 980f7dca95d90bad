// `dync receipts`: what servers signed of what was sent from here. As it is kept: whether it is right is for `dync verify-receipt` to say.

import { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { localTime } from "../../base/local-time.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { KeptReceipt, ReceiptStore } from "../../client/receipt-store.ts";
import { formatSize } from "../../config/size.ts";
import { readCompact } from "../../receipts/compact-jws.ts";
import { readStatement, type Statement } from "../../receipts/statement.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { readMoment } from "../moment.ts";
import { printable } from "../printable.ts";
import { openClient } from "./open-client.ts";
import { receiptsShowUsage, receiptsUsage } from "./usage-receipts.ts";

export const receiptsCommand = defineCommand({
  name: "receipts",
  usage: receiptsUsage,
  options: {
    ...sharedOptions,
    name: { type: "string", alias: "n" },
    since: { type: "string" },
    json: { type: "boolean" },
  },
  check: ({ values }) => ({
    misread: null,
    others: faultsOf(() => readMoment("since", values.since?.[0], new Date())),
  }),
  async run({ name, ...values }, context) {
    const { output, clock } = context;
    await using client = openClient(context);
    const since = readMoment("since", values.since, clock.date());
    let receipts = 0;
    for await (const kept of keptIn(client.receipts)) {
      const statement = await statementIn(kept, client.receipts);
      if (statement === null) {
        const where = kept.line === undefined ? kept.file : `${kept.file}, line ${kept.line},`;
        output.warn(`${where} holds no receipt`, "it may be damaged: look whether there is a copy");
        continue;
      }
      if (name !== undefined && statement.name !== name) continue;
      if (since !== null && Date.parse(statement.received) < since) continue;
      receipts += 1;
      const known = await client.receipts.known(statement.server).catch(() => null);
      const place = known === null ? null : formatServerAddress(known);
      output.record("receipt", { ...statement, address: place, file: kept.file, line: kept.line });
      output.result(lineOf(statement, place));
    }
    output.summarise({ receipts });
    if (receipts === 0) output.say("No such receipt is kept here");
    return 0;
  },
});

export const receiptsShowCommand = defineCommand({
  name: "receipts show",
  usage: receiptsShowUsage,
  options: {
    ...sharedOptions,
    json: { type: "boolean" },
    id: { type: "positional", required: true },
  },
  async run({ id }, context) {
    const { output } = context;
    await using client = openClient(context);
    const kept = await receiptOf(id, client.receipts);
    const jws = await client.receipts.read(kept);
    output.result(printable(jws));
    output.summarise({ file: kept.file, line: kept.line, receipt: jws });
    return 0;
  },
});

/** The one receipt of the upload whose id begins so. Throws `DyncError` ("usage"). */
async function receiptOf(id: string, store: ReceiptStore): Promise<KeptReceipt> {
  const found = await store.withId(id.toLowerCase()).catch((cause) => {
    throw unreadable(cause);
  });
  const [first, second] = found;
  if (first === undefined || id === "")
    throw new DyncError("usage", `No receipt is kept here of an upload "${printable(id)}"`, {
      hint: `"dync receipts" lists those that are`,
    });
  if (second !== undefined)
    throw new DyncError("usage", `${found.length} uploads begin with "${printable(id)}"`, {
      hint: "write more of the id",
    });
  return first;
}

async function* keptIn(store: ReceiptStore): AsyncGenerator<KeptReceipt> {
  try {
    yield* store.all();
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause: unknown): DyncError {
  return new DyncError("configuration", `Cannot read the receipts: ${whyUnreadable(cause)}`, { cause });
}

async function statementIn(kept: KeptReceipt, store: ReceiptStore): Promise<Statement | null> {
  return readStatement(readCompact(await store.read(kept))?.payload);
}

function lineOf(
  { received, size, name, files, user, sha256, upload }: Statement,
  place: string | null,
): string {
  const what = `${files === undefined ? "" : "dataset "}"${printable(name)}" of ${printable(user)}`;
  const at = place === null ? "" : ` at ${printable(place)}`;
  return `${localTime(received)}  ${formatSize(size)}  ${what}${at}  ${sha256}  ${printable(upload)}`;
}

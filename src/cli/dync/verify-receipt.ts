// `dync verify-receipt FILE [DATA]`: says what a receipt proves, by which key, without asking anybody.

import { readFile, stat } from "node:fs/promises";
import { DyncError, messageOf } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { localTime } from "../../base/local-time.ts";
import type { Client } from "../../client/client.ts";
import { jwksOf, type KnownServer, readReceiptFile } from "../../client/receipt-store.ts";
import { formatSize } from "../../config/size.ts";
import { readPublicKeys } from "../../receipts/key-chain.ts";
import { type PublicJwk, thumbprintOf } from "../../receipts/signing-key.ts";
import type { Verified } from "../../receipts/verify.ts";
import { sharedOptions } from "../args.ts";
import { inColumns } from "../columns.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { printable } from "../printable.ts";
import { openClient } from "./open-client.ts";
import { verifyReceiptUsage } from "./usage-receipts.ts";
import { fileSystemWriter } from "./write-all.ts";

export const verifyReceiptCommand = defineCommand({
  name: "verify-receipt",
  usage: verifyReceiptUsage,
  options: {
    ...sharedOptions,
    key: { type: "string" },
    metadata: { type: "string", alias: "m" },
    json: { type: "boolean" },
    file: { type: "positional", required: true },
    data: { type: "positional", required: false, bytes: true },
  },
  async run({ file, data, key, metadata }, context) {
    const { output } = context;
    await using client = openClient(context);
    const receipt = await readReceiptFile(file);
    if (/[\r\n]./.test(receipt)) throw severalIn(file);
    const { verifyReceipt } = await import("../../receipts/verify.ts");
    const given = key === undefined ? null : await keysIn(key);
    const verified = await verifyReceipt(
      receipt,
      async (server) => given ?? (await keptKeys(server, client)),
    );
    const { statement, kid, by } = verified;
    output.summarise({ receipt: statement, key: kid, data: null, metadata: null });
    if (by === null) throw unknownKey(verified, key);
    if (metadata !== undefined) await expectMetadata(metadata, statement.metadata);
    if (metadata !== undefined) output.summarise({ metadata: "same" });
    if (data !== undefined) await expectSame(data, verified, context);
    if (data !== undefined) output.summarise({ data: "same" });
    const known = given === null ? await client.receipts.known(statement.server) : null;
    output.summarise({ by: given === null ? "kept" : "given", isSuccessor: by.type === "succession" });
    output.result(proof(verified, known, { data, key, hasMetadata: metadata !== undefined }));
    return 0;
  },
});

function severalIn(file: string): DyncError {
  return new DyncError("source", `${file} holds several receipts`, {
    hint: '"dync receipts show ID > FILE" writes one of them to a file of its own',
  });
}

async function keptKeys(server: string, client: Client): Promise<readonly PublicJwk[]> {
  return jwksOf(await client.receipts.known(server));
}

// All keys that a server had in its life.
const keyFileBytesMax = 4 * 1024 * 1024;

async function keysIn(file: string): Promise<readonly PublicJwk[]> {
  let text: string;
  try {
    const { size } = await stat(file);
    text = size > keyFileBytesMax ? "" : await readFile(file, "utf8");
  } catch (cause) {
    throw new DyncError("configuration", `Cannot read the key ${file}: ${messageOf(cause)}`, { cause });
  }
  const keys = readPublicKeys(text);
  if (keys === null)
    throw new DyncError("configuration", `${file} holds no key for receipts`, {
      hint: `wanted is what "dync-server receipts key" prints, or one Ed25519 key as a JWK`,
    });
  return keys;
}

function unknownKey({ statement, kid }: Verified, key: string | undefined): DyncError {
  const which = `its key, ${kid}, is ${key === undefined ? "not known here" : `none of those in ${key}`}`;
  const text = `The signature is right, and ${which}: nothing says that it is the key of the server ${statement.server}`;
  return new DyncError("key-refused", text, {
    hint: 'its administrator has that one from "dync-server receipts key": name the file with it, --key FILE',
  });
}

async function expectMetadata(file: string, digest: string): Promise<void> {
  const { metadataDigestOf } = await import("../../receipts/metadata-digest.ts");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new DyncError("source", `Cannot read "${file}": ${messageOf(cause)}`, { cause });
  }
  const found = metadataDigestOf(text);
  if (found === digest) return;
  const what = found === null ? "holds no JSON object" : "holds other metadata than the receipt is for";
  throw new DyncError("checksum-mismatch", `"${file}" ${what}`);
}

async function expectSame(path: string, { statement }: Verified, context: CommandContext): Promise<void> {
  const { clock, signal, output } = context;
  const { expectData } = await import("../../client/receipt-data.ts");
  const parts = {
    clock,
    writeAll: fileSystemWriter(),
    onNote: (text: string) => output.say(text),
    onWarning: (text: string, hint: string) => output.warn(text, hint),
  };
  await expectData(path, statement, parts, signal);
}

interface Compared {
  readonly data: string | undefined;
  readonly key: string | undefined;
  readonly hasMetadata: boolean;
}

function proof(verified: Verified, known: KnownServer | null, compared: Compared): string {
  const { upload, user, name, size, sha256, files, metadata, received, server } = verified.statement;
  const facts = [
    ["Stored as", `"${printable(name)}", for the user "${printable(user)}", upload ${printable(upload)}`],
    ["All there", `${localTime(received)} (${received})`],
    ["Size", `${formatSize(size)} (${size} bytes)${files === undefined ? "" : ", of the tar of a dataset"}`],
    ["SHA-256", sha256],
    ...(files === undefined ? [] : [["Files", `SHA-256 of their list: ${files}`]]),
    ["Metadata", `SHA-256: ${metadata}`],
    ["Server", server],
  ];
  const { data, hasMetadata } = compared;
  return [
    "The receipt is whole, and was signed by the server:",
    ...inColumns(facts).map((line) => `  ${line}`),
    keyLine(verified, known, compared),
    data === undefined
      ? "The data were not compared: name them behind the receipt."
      : `"${printable(data)}" is what was stored.`,
    ...(hasMetadata ? ["The metadata are those that were sent."] : []),
  ].join("\n");
}

function keyLine({ kid, by }: Verified, known: KnownServer | null, { key }: Compared): string {
  const trusted = by?.type === "succession" ? by.from : kid;
  const kept = known?.keys.find(({ jwk }) => thumbprintOf(jwk) === trusted);
  const where =
    known === null || kept === undefined
      ? `in ${printable(key ?? "")}`
      : `kept here for ${printable(formatServerAddress(known))} since ${localTime(kept.since)}`;
  if (trusted !== kid)
    return `Signed with the key ${kid}; the key ${trusted}, ${where}, signed that one over.`;
  const over = kept?.signedBy == null ? "" : `, and signed over by the key ${kept.signedBy}`;
  return `Signed with the key ${kid}, ${where}${over}.`;
}

// `dync-server receipts [key | rotate-key]`: the key with which receipts are signed. A server that runs changes it itself, which is in
// its audit log; without one the next one's start says which key it has.

import { resolve } from "node:path";
import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { publicKeySet } from "../../receipts/key-chain.ts";
import {
  publicKeyFile,
  publishKeys,
  readSigningKeys,
  rotateKey,
  secretKeyFile,
} from "../../receipts/key-file.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import { receiptsKeyUsage, receiptsRotateUsage } from "./usage-receipts.ts";

const options = { ...sharedOptions, json: { type: "boolean" } } as const;

export const receiptsKeyCommand = defineCommand({
  name: "receipts key",
  usage: receiptsKeyUsage,
  options,
  async run(_values, { output, environment }) {
    const home = resolve(dyncHome(environment));
    const keys = await readSigningKeys(home);
    if (keys === null)
      throw new DyncError("configuration", `There is no key for receipts in ${home}`, {
        hint: 'the server makes one when it starts, and so does "dync-server receipts rotate-key"',
      });
    await publishKeys(home, keys).catch((error: DyncError) => output.warn(error.message));
    const text = publicKeySet(keys);
    output.result(text.trimEnd());
    const { keys: all, successions } = JSON.parse(text);
    output.summarise({ key: keys.current.kid, file: publicKeyFile(home), keys: all, successions });
    return 0;
  },
});

export const receiptsRotateCommand = defineCommand({
  name: "receipts rotate-key",
  usage: receiptsRotateUsage,
  options,
  async run(_values, context) {
    const { output, environment } = context;
    const home = resolve(dyncHome(environment));
    const { key, before } = await rotated(home, context);
    const [publicFile, secretFile] = [publicKeyFile(home), secretKeyFile(home)];
    output.summarise({ key, before, publicFile, secretFile });
    output.result(
      [
        `New key:      ${key}`,
        `Signed by:    ${before}, which signs nothing more`,
        `Public keys:  ${printable(publicFile)}`,
        `Secret key:   ${printable(secretFile)} (never give this one away)`,
      ].join("\n"),
    );
    return 0;
  },
});

const rotatedKeys = v.object({ key: v.string(), before: v.string() });

/** The names of both keys: as the running server says, or, where none runs or it knows no such command, as it is done here. */
async function rotated(home: string, context: CommandContext): Promise<v.InferOutput<typeof rotatedKeys>> {
  try {
    return await ask(context, "receipts rotate-key", {}, rotatedKeys);
  } catch (error) {
    const isOurs = error instanceof DyncError && (error.code === "unavailable" || error.code === "usage");
    if (!isOurs || context.signal.aborted) throw error;
  }
  const { before, keys } = await rotateKey(home, context.clock);
  return { key: keys.current.kid, before: before.kid };
}

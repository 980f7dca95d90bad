// `dync-server receipts [key | rotate-key]`: the key with which receipts are signed. A server that runs notices when it is another one.

import { resolve } from "node:path";
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
import { defineCommand } from "../command.ts";
import { printable } from "../printable.ts";
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
  async run(_values, { output, environment, clock }) {
    const home = resolve(dyncHome(environment));
    const { before, keys } = await rotateKey(home, clock);
    const [publicFile, secretFile] = [publicKeyFile(home), secretKeyFile(home)];
    output.summarise({ key: keys.current.kid, before: before.kid, publicFile, secretFile });
    output.result(
      [
        `New key:      ${keys.current.kid}`,
        `Signed by:    ${before.kid}, which signs nothing more`,
        `Public keys:  ${printable(publicFile)}`,
        `Secret key:   ${printable(secretFile)} (never give this one away)`,
      ].join("\n"),
    );
    return 0;
  },
});

// `keygen` of both programs: the options and what is printed; the files are made by `keys/key-files.ts`.

import { resolve } from "node:path";
import { createKeyFiles, dyncHome, type KeyFiles } from "../keys/key-files.ts";
import { sharedOptions } from "./args.ts";
import type { CommandContext, OptionsDef, OptionValues } from "./command.ts";
import { printable } from "./printable.ts";

export const keygenOptions = {
  ...sharedOptions,
  folder: { type: "string" },
  name: { type: "string", alias: "n" },
  "user-id": { type: "string" },
  force: { type: "boolean" },
  json: { type: "boolean" },
} as const satisfies OptionsDef;

/** Makes the keys, prints them for people and programs, and returns the files and their folder. */
export async function makeKeys(
  values: OptionValues<typeof keygenOptions>,
  context: CommandContext,
  nameDefault: string,
): Promise<KeyFiles & { readonly folder: string }> {
  const { output, clock, environment } = context;
  const folder = resolve(values.folder ?? dyncHome(environment));
  const userId = values["user-id"];
  const files = await createKeyFiles({
    folder,
    name: values.name ?? nameDefault,
    date: clock.date(),
    ...(userId === undefined ? {} : { userId }),
    force: values.force,
  });
  const { publicKey } = files.keys;
  const { publicFile, secretFile } = files;
  output.summarise({ publicKey: publicKey.text, fingerprint: publicKey.fingerprint, publicFile, secretFile });
  output.result(
    [
      `Public key:   ${publicKey.text}`,
      `Fingerprint:  ${publicKey.fingerprint}`,
      `Key file:     ${printable(publicFile)}`,
      `Secret key:   ${printable(secretFile)} (never give this one away)`,
    ].join("\n"),
  );
  return { ...files, folder };
}

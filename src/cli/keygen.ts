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

/**
 * Makes the keys, prints them for people and programs, and returns the files and their folder. `handOver` names a copy
 * to be handed over, unless the user chose a name for the keys.
 */
export async function makeKeys(
  values: OptionValues<typeof keygenOptions>,
  context: CommandContext,
  nameDefault: string,
  handOver?: string,
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
    ...(handOver === undefined || values.name !== undefined ? {} : { handOver }),
  });
  const { publicKey } = files.keys;
  const { publicFile, secretFile, handOverFile, keptFiles } = files;
  output.summarise({
    publicKey: publicKey.text,
    fingerprint: publicKey.fingerprint,
    publicFile,
    secretFile,
    handOverFile,
    keptFiles,
  });
  output.result(
    [
      `Fingerprint:  ${publicKey.fingerprint}`,
      `Key file:     ${printable(handOverFile)}`,
      `Secret key:   ${printable(secretFile)} (never give this one away)`,
      ...keptFiles.map((file) => `Old key:      ${printable(file)}`),
    ].join("\n"),
  );
  return { ...files, folder };
}

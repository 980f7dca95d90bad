// What `dync send` was asked to do, checked once by `send.ts` and trusted by `send-file.ts`.

import type { ServerAddress } from "../../config/server-address.ts";

export interface SendOptions {
  readonly server: ServerAddress;
  /** Absolute path of the key file given on the command line, or `null`: look in the home folder. */
  readonly serverKeyFile: string | null;
  readonly source: { readonly type: "file"; readonly path: string } | { readonly type: "stdin" };
  /** Name on the server, without folders. */
  readonly name: string;
  /** A JSON object, as it is to arrive. */
  readonly metadataText: string;
  /** Keep trying for this long while the server cannot be reached or asks to come back. */
  readonly retryForMs: number;
  /** Keep trying even when the server was not reached once: the user asked for it. */
  readonly retryFirst: boolean;
  /** Folder of keys and state. */
  readonly home: string;
}

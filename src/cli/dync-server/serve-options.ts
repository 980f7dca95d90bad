// What `dync-server run` was asked to do, checked once by `run.ts` and trusted by `serve.ts`.

import type { ServerOptions } from "../../server/options.ts";

export interface ServeOptions {
  readonly server: ServerOptions;
  /** Absolute path of the folder that files go to. */
  readonly dataFolder: string;
  /** Folder of keys and state. */
  readonly home: string;
  /** The `user_id` inside a client's key names the user, where it is there. */
  readonly trustsUserIds: boolean;
}

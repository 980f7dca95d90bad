// What `dync-server run` was asked to do, checked once by `run.ts` and trusted by `serve.ts`.

import type { ProcessSettings, UserRules } from "../../config/server-settings.ts";

export interface ServeOptions {
  readonly settings: ProcessSettings;
  /** The same for every user. */
  readonly rules: UserRules;
  /** Absolute path of the folder that files go to. */
  readonly dataFolder: string;
  /** Folder of keys and state. */
  readonly home: string;
}

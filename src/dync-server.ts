// Entry of the server program.

import { dyncServer } from "./cli/dync-server/main.ts";
import { run } from "./cli/run.ts";

await run(dyncServer);

// Entry of the client program.

import { dync } from "./cli/dync/main.ts";
import { run } from "./cli/run.ts";

await run(dync);

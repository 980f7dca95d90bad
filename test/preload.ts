// Loaded before the tests (bunfig.toml): programs are compiled and started within tests, which Bun's own limit of five
// seconds is too short for; some take a minute and more beside others. Of several files Bun 1.4.5 keeps it for the first alone, and no setting of a file changes that
// (tried: hooks in here, `timeout` in bunfig.toml): then `--timeout` has to be given, as test/run.ts does.

import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(240_000);

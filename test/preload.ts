// Loaded before every test file (bunfig.toml): programs are compiled and started within tests, which Bun's own limit of
// five seconds is too short for.

import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(120_000);

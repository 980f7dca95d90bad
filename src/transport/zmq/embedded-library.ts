// The library inside a compiled program. Only Bun can build this file, and only build/compile.ts says what the
// import means; library.ts loads it in compiled programs and never otherwise.

import path from "dync:libzmq" with { type: "file" };

/** Path that Bun's `dlopen` and `readFileSync` understand. */
export const embeddedLibraryPath: string = path;

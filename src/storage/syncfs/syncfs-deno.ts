// syncfs under Deno, which runs the call on a thread of its own.

import { type FileSystemSync, libraryNames, syncError } from "./file-system-sync.ts";

interface DenoFfi {
  dlopen(
    path: string,
    symbols: object,
  ): { readonly symbols: { syncfs(descriptor: number): Promise<number> }; close(): void };
}

declare const Deno: DenoFfi;

/** `null` where no C library with the call is found. */
export function openDenoSync(): FileSystemSync | null {
  for (const name of libraryNames) {
    try {
      const library = Deno.dlopen(name, {
        syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
      });
      return {
        async sync(descriptor) {
          // What it was is another thread's to know.
          if ((await library.symbols.syncfs(descriptor)) !== 0) throw syncError("EIO");
        },
        close: async () => library.close(),
      };
    } catch {
      // Not the library of this system.
    }
  }
  return null;
}

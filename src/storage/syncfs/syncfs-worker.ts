// The thread that waits for syncfs under Bun: one call after the other, as they are asked for.

import { dlopen, type Pointer, read } from "bun:ffi";
import type { SyncAnswer, SyncQuestion } from "./syncfs-bun.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent) => {
  const { library } = event.data as { library: string };
  const { symbols } = dlopen(library, {
    syncfs: { args: ["i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  });
  self.onmessage = ({ data }: MessageEvent) => {
    const { call, descriptor } = data as SyncQuestion;
    const failed = symbols.syncfs(descriptor) !== 0;
    const answer: SyncAnswer = { call, errno: failed ? read.i32(symbols.__errno_location() as Pointer) : 0 };
    postMessage(answer);
  };
};

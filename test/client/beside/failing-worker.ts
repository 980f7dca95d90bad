// A reading thread that does what it is told until it is to read or to hash, and then fails in the way that its address says.

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent) => {
  if (data.type !== "read" && data.type !== "hash") return postMessage({ type: "done" });
  if (!import.meta.url.endsWith("?throws")) return postMessage({ type: "broken", reason: "out of luck" });
  throw new Error("out of luck");
};

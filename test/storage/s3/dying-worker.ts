// A thread for bodies that dies by the first thing that it is asked, once it was there.

declare const self: Worker;

postMessage({ type: "ready" });
self.onmessage = ({ data }: MessageEvent) => {
  if (data.type === "ask") throw new Error("struck by lightning");
};

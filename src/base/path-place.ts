// Whether paths lead to the same place, as far as their letters tell. Pure.

import { posix, win32 } from "node:path";

/** The same for all ways to write one absolute path: Windows does not tell capital letters from small ones. */
export function placeOf(path: string, platform: NodeJS.Platform = process.platform): string {
  return platform === "win32" ? path.toLowerCase() : path;
}

/** Whether `path` is `folder`, or below it; both are absolute. */
export function isAtOrBelow(
  path: string,
  folder: string,
  platform: NodeJS.Platform = process.platform,
): boolean {
  const { sep } = platform === "win32" ? win32 : posix;
  const [place, above] = [placeOf(path, platform), placeOf(folder, platform)];
  return place === above || place.startsWith(above.endsWith(sep) ? above : above + sep);
}

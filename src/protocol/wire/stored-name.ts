// Under which name a server stores what a `post-file` announces. Both sides ask this: the one compares by it, the other says it.

import type { PostFile } from "./message.ts";

/** On the wire a dataset is a tar, so that a server which unpacks nothing stores it under a name that says what it is. */
export const tarSuffix = ".tar";

/** The name under which `post` is stored by a server that unpacks what it is asked to. */
export function storedName({ name, info }: Pick<PostFile, "name" | "info">): string {
  return info.unpack === undefined ? name : datasetName(name);
}

/** What a dataset is called that is sent as `name`. */
export function datasetName(name: string): string {
  return name.endsWith(tarSuffix) ? name.slice(0, -tarSuffix.length) : name;
}

// What tests need that publish step by step, and stop in between as a crash would.

import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { FolderSyncs } from "../../src/storage/folder-syncs.ts";
import type { PublishParts, PublishStep } from "../../src/storage/publish.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import { Trash } from "../../src/storage/trash.ts";
import { silentLogger } from "../support/silent-logger.ts";

/** As a storage in the data folder `root` has them. */
export function partsOf(root: string, hasLinks: boolean): PublishParts {
  return {
    root,
    partials: join(stateFolder(root), "partial"),
    own: null,
    mode: 0o640,
    hasLinks,
    durableFolders: new Set(),
    syncs: new FolderSyncs(),
    trash: new Trash(systemClock, silentLogger),
    clock: systemClock,
    tag: "",
  };
}

/** After how many of `steps` somebody may stop, each with words for it. */
export function cutsOf(steps: readonly PublishStep[]): readonly (readonly [string, number])[] {
  const names = steps.map(({ name }) => name);
  return [...names.keys(), names.length].map(
    (count) => [count === 0 ? "before the first step" : `after "${names[count - 1]}"`, count] as const,
  );
}

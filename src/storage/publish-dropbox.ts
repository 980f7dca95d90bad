// Gives a finished upload the form that the scripts behind the dropboxes of openBIS wait for, byte for byte as the original has it: a
// folder with the file, its checksum, its name as it was sent and who sent it, then an empty file that says that all is there. What lies
// beside every file lies beside that folder. Steps as in publish.ts: any prefix of them can be done again.

import { join } from "node:path";
import { assert } from "../base/assert.ts";
import type { Destination } from "../upload/destination.ts";
import { dropboxTexts } from "../upload/openbis.ts";
import { parseSidecar } from "../upload/sidecar.ts";
import { show } from "./dataset/publish-dataset.ts";
import { makeDropbox, stagedDropbox, takeApart } from "./dropbox-staging.ts";
import { isSameFile, linkNew, moveFile, syncFolder, writeNewFile } from "./durable-files.ts";
import { lookAt } from "./file-calls.ts";
import { settleAt, settleFile } from "./manner.ts";
import {
  claimSteps,
  endSteps,
  finalFiles,
  makeFolders,
  type PublishParts,
  type PublishStep,
  stagedFiles,
} from "./publish.ts";
import type { Description } from "./storage.ts";

/** The steps that publish upload `id`, whose data lies durable and closed at `partials/id`. */
export function dropboxSteps(
  parts: PublishParts,
  id: string,
  destination: Destination,
  description: Description,
): readonly PublishStep[] {
  return [
    { name: "make its folder", run: () => makeFolders(parts, destination) },
    {
      name: "put its dropbox together",
      run: async () => {
        if (!(await isShown(parts, id, destination))) await putTogether(parts, id, destination, description);
      },
    },
    ...claimSteps(parts, id, destination, description),
    { name: "show the dropbox", run: () => showDropbox(parts, id, destination) },
    ...endSteps(parts, id, destination),
  ];
}

async function putTogether(
  { partials, hasLinks, mode, clock }: PublishParts,
  id: string,
  { name, manner }: Destination,
  { metadataText, sha256 }: Description,
): Promise<void> {
  // Of an earlier attempt, that came to nobody knows where.
  await takeApart(partials, id, clock);
  await makeDropbox(partials, id, name);
  const { folder, content } = stagedDropbox(partials, id, name);
  const upload = parseSidecar(metadataText);
  assert(upload !== null, "a description is what we wrote");
  for (const [file, text] of dropboxTexts(name, upload.name, upload.user, sha256))
    await writeNewFile(join(folder, file), text, mode, (it) => settleFile(it, manner, null));
  if (hasLinks) await linkNew(stagedFiles(partials, id).data, content, clock);
  await settleAt(folder, manner, true);
  await syncFolder(folder);
  await syncFolder(join(folder, ".."));
}

/** Whether it has its name already: the file in it is ours, or ours is nowhere else. */
async function isShown(
  { root, partials }: PublishParts,
  id: string,
  destination: Destination,
): Promise<boolean> {
  const final = await lookAt(finalFiles(root, destination).content);
  const data = await lookAt(stagedFiles(partials, id).data);
  if (data !== null) return isSameFile(final, data);
  const staged = await lookAt(stagedDropbox(partials, id, destination.name).content);
  return final !== null && staged === null;
}

async function showDropbox(parts: PublishParts, id: string, destination: Destination): Promise<void> {
  const { root, partials, hasLinks, clock } = parts;
  if (await isShown(parts, id, destination)) return;
  const { folder, content } = stagedDropbox(partials, id, destination.name);
  const { data } = stagedFiles(partials, id);
  if (!hasLinks && (await lookAt(data)) !== null) {
    await moveFile(data, content, clock);
    await syncFolder(folder);
  }
  await show(parts, folder, finalFiles(root, destination).data);
}

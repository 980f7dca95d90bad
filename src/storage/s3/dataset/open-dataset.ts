// Takes up what is stored of an unfinished dataset: its members are made anew from the journal, and nothing of them is read.

import { Turns } from "../../../base/turns.ts";
import { type Entry, lengthOf } from "../../dataset/journal-entries.ts";
import { MemberIndex } from "../../dataset/member-index.ts";
import { Members } from "../../dataset/members.ts";
import { stateBytes } from "../../sha256/sha256.ts";
import type { StoredNote } from "../../storage.ts";
import { soon } from "../home.ts";
import { Ledger, type Mark } from "../ledger.ts";
import { isOf } from "../publish-object.ts";
import { type Beginning, contentRoot, DatasetWork, type WorkParts } from "./dataset-work.ts";
import { type DatasetMark, datasetBytes, parseDatasetMark, streamState } from "./mark.ts";
import { Segments } from "./segments.ts";

export type OpenParts = Omit<WorkParts, "index" | "members" | "segments">;

export interface DatasetShape {
  /** See `Prospect`. */
  readonly root: string | undefined;
  readonly membersMax: number;
}

const entriesPerTurn = 100;
const neverAborted = new AbortController().signal;

/** What `note` says of it, or `null`: it is not there. One of which it says nothing begins. */
export async function openDataset(
  parts: OpenParts,
  note: StoredNote,
  { root, membersMax }: DatasetShape,
): Promise<DatasetWork | null> {
  const { home, id, layout } = parts;
  const mark = parseDatasetMark(note.mark);
  const index = new MemberIndex(null);
  try {
    const members = new Members(index, { layout, root, membersMax });
    const turns = new Turns(entriesPerTurn, neverAborted);
    let told = 0;
    const visit = async (entries: readonly Entry[]): Promise<void> => {
      for (const entry of entries) {
        for (const _some of members.replay(entry)) await turns.step();
        told += lengthOf(entry);
        await turns.step();
      }
    };
    const segments = await Segments.open(home, id, mark?.segment ?? null, visit);
    const hash = mark === null ? home.sha256.create() : home.sha256.load(streamState(mark));
    if (segments === null || hash === null || told !== (mark?.at ?? 0)) return lost(index);
    const beginning: Beginning = { hash, offset: mark === null ? 0 : datasetBytes(mark), note };
    const work = new DatasetWork({ ...parts, index, members, segments }, beginning);
    return mark === null || (await goOn(work, mark)) ? work : lost(index);
  } catch (error) {
    index.close();
    throw error;
  }
}

function lost(index: MemberIndex): null {
  index.close();
  return null;
}

/** Goes on in the midst of a member, where it is in one. */
async function goOn(work: DatasetWork, { member, state }: DatasetMark): Promise<boolean> {
  const { home, members } = work.parts;
  const { unfinished } = members;
  if (unfinished === null) return member === null;
  const { file } = unfinished;
  const before = Buffer.from(state, "base64");
  if (member === null) {
    const hash = home.sha256.create();
    const both = Buffer.concat([before, hash.save() as Uint8Array]);
    work.goOn(file, new Ledger(both), hash, before);
    return true;
  }
  const key = `${contentRoot(work.parts)}${file.path}`;
  const listed = member.upload === null ? [] : await home.client.parts(key, member.upload, soon);
  // An earlier owner may have made its object, of which the parts are told here.
  const isWhole = member.bytes === file.size;
  const ledger = listed === null ? (isWhole ? Ledger.ofWhole(member) : null) : Ledger.of(member, listed);
  const hash = home.sha256.load(Buffer.from(member.state, "base64").subarray(stateBytes));
  if (ledger === null || hash === null) return false;
  ledger.key = key;
  for (const _some of members.replay({ type: "content", length: ledger.durable }));
  const upload = work.goOn(file, ledger, hash, before);
  if (!isWhole) return true;
  const etag = listed === null ? await etagOf(work, key, member) : await upload.makeObject(soon);
  if (etag !== null) work.finishOld(upload, etag);
  return etag !== null;
}

/** What the store calls the object that was made of the parts of `member`; `null`: there is none. */
async function etagOf({ parts }: DatasetWork, key: string, member: Mark): Promise<string | null> {
  const there = await parts.home.client.head(key, soon);
  const count = member.runs.reduce((sum, [, length]) => sum + length, 0);
  const isIt = there !== null && isOf(parts.id, there) && there.size === member.bytes;
  return isIt && there.etag.endsWith(`-${count}`) ? there.etag : null;
}

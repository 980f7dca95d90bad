// A whole dataset that a worker has, as the steps see it that publish it on the main thread, which alone knows names: what they want to know of its
// members, and what is to be done with its files, they ask the worker for.

import type { IndexedFile, IndexedFolder } from "../dataset/member-index.ts";
import type { WholeDataset } from "../dataset/whole-dataset.ts";

/** What is known of it from the beginning. */
export type ToldDataset = Pick<WholeDataset, "parts" | "layout" | "contents" | "syncsEach">;

/** What is asked for: a page of its members, behind `after`; that it is made durable; that all of its files are let go of. */
export type DatasetQuestion =
  | { readonly what: "files" | "folders"; readonly after: string }
  | { readonly what: "sync" | "close" };

export type DatasetAnswer = readonly IndexedFile[] | readonly IndexedFolder[] | null;

/** `dataset`, without what only its own thread can do. */
export function toldOf({ parts, layout, contents, syncsEach }: WholeDataset): ToldDataset {
  return { parts, layout, contents, syncsEach };
}

/** Answers in the thread that has it. */
export async function answerOf(dataset: WholeDataset, question: DatasetQuestion): Promise<DatasetAnswer> {
  switch (question.what) {
    case "files":
      return await dataset.index.files(question.after);
    case "folders":
      return await dataset.index.folders(question.after);
    case "sync":
      await dataset.sync();
      return null;
    case "close":
      await dataset.close();
      return null;
  }
}

/** The dataset on the main thread; `ask` rejects as the worker does, and with "not-ready" when that ended. */
export function datasetOf(
  told: ToldDataset,
  ask: (question: DatasetQuestion) => Promise<DatasetAnswer>,
  onTimeRefused: (cause: unknown) => void,
): WholeDataset {
  return {
    ...told,
    onTimeRefused,
    index: {
      files: async (after) => (await ask({ what: "files", after })) as readonly IndexedFile[],
      folders: async (after) => (await ask({ what: "folders", after })) as readonly IndexedFolder[],
    },
    sync: async () => void (await ask({ what: "sync" })),
    close: async () => void (await ask({ what: "close" })),
  };
}

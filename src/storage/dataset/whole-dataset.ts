// A dataset that is there to its last byte: what is listed of it, and what publishing it takes.

import type { Contents, Layout } from "../../upload/upload.ts";
import type { IndexedFile, IndexedFolder } from "./member-index.ts";
import type { Parts } from "./tree.ts";

/** Its members, some at a time; see `MemberIndex`. Where another thread has them, they come later. */
export interface MemberPages {
  files(after: string): readonly IndexedFile[] | Promise<readonly IndexedFile[]>;
  folders(after: string): readonly IndexedFolder[] | Promise<readonly IndexedFolder[]>;
}

/** All of a dataset, before it has its name. */
export interface WholeDataset {
  readonly parts: Parts;
  readonly layout: Layout;
  readonly index: MemberPages;
  readonly contents: Contents;
  /** Whether each text has to be synced by itself, because `sync` does not reach it. */
  readonly syncsEach: boolean;
  /** The file system does not take the time of modification. */
  readonly onTimeRefused: (cause: unknown) => void;
  /** Makes everything durable that was written. */
  sync(): Promise<void>;
  /** Lets go of all files: some systems do not move a folder of which one is open. */
  close(): Promise<void>;
}

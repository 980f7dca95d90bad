// Where an upload is published. Pure: what lies there is the storage's business.

/** A place below the data folder, decided when the upload began. Its parts are checked before they get here. */
export interface Destination {
  /** Below the data folder, with "/" between its parts: at least one, none of them hidden. */
  readonly folder: string;
  /** Of the file, or of a dataset's folder. */
  readonly name: string;
  /** What else was decided of its publishing then; nothing where it is not there. */
  readonly manner?: Manner;
}

/** How it is published, where that is not as always. */
export interface Manner {
  /** Where the same lies there already it counts as stored: whoever sent it cannot compare. */
  readonly confirmsSame?: true;
  /** Permissions of its files, from which those of folders that are made for it follow. */
  readonly mode?: number;
  /** Number of the group that its files, and these folders, belong to. */
  readonly group?: number;
  /** When all of it is there, an empty file says so by its name. */
  readonly marker?: true;
  /** The file lies in a folder of its name, with what the dropboxes of openBIS want beside it (publish-dropbox.ts). */
  readonly openbis?: true;
  /**
   * Of a dataset that was sent as any file is, with metadata that want it unpacked: the one folder in its tar, which is the
   * dataset.
   */
  readonly untar?: string;
}

/** What of an upload says where it is published. */
export interface Placed {
  readonly user: string;
  /** The name that its client gave it. */
  readonly name: string;
  /** `null`: in the folder of its user, under its name. */
  readonly place: Destination | null;
}

/** Where `upload` is published. */
export function destinationOf({ user, name, place }: Placed): Destination {
  return place ?? { folder: user, name };
}

/** `destination` as a path below the data folder. */
export function pathOf({ folder, name }: Destination): string {
  return `${folder}/${name}`;
}

/** Where the file lies, as a path below the folder of its destination. */
export function contentName({ name, manner }: Destination): string {
  return manner?.openbis === true ? `${name}/${name}` : name;
}

/** The place that a path below the data folder means, or `null` where it has no folder, or leads out of where it begins. */
export function destinationAt(path: string): Destination | null {
  const parts = path.split("/");
  const name = parts.pop() as string;
  const isPath = parts.length > 0 && [...parts, name].every((it) => it !== "" && !it.startsWith("."));
  return isPath ? { folder: parts.join("/"), name } : null;
}

/**
 * The folders above the one of `destination` and that one, each as the place where it lies: the outermost is not among them,
 * since nothing is published beside it.
 */
export function foldersAbove({ folder }: Destination): readonly Destination[] {
  const parts = folder.split("/");
  return parts.slice(1).map((name, index) => ({ folder: parts.slice(0, index + 1).join("/"), name }));
}

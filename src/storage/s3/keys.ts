// Which keys a server uses below its prefix: what it published, and, hidden, what it knows of what is under way. Pure.

import { contentName, type Destination } from "../../upload/destination.ts";
import { checksumSuffix, markerName, metadataSuffix } from "../../upload/names.ts";

/** What S3 takes for a key, in bytes. */
export const keyBytesMax = 1024;

const hidden = ".dync/";
const uploads = `${hidden}uploads/`;
// A piece's key sorts as it lies in the upload.
const digits = 16;

export interface PublishedKeys {
  readonly content: string;
  readonly metadata: string;
  readonly checksum: string;
  readonly marker: string;
}

export class Keys {
  /** Empty, or with a slash at its end. */
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix === "" ? "" : `${prefix}/`;
  }

  of(destination: Destination): PublishedKeys {
    const folder = this.folder(destination.folder);
    const name = folder + destination.name;
    return {
      content: folder + contentName(destination),
      metadata: name + metadataSuffix,
      checksum: name + checksumSuffix,
      marker: folder + markerName(destination.name),
    };
  }

  folder(folder: string): string {
    return `${this.prefix}${folder}/`;
  }

  /** Below which all lies that is known of uploads that have not ended. */
  get uploads(): string {
    return this.prefix + uploads;
  }

  /** What is known of one of them. */
  upload(id: string): string {
    return this.uploads + id;
  }

  /** Below which its pieces lie. */
  pieces(id: string): string {
    return `${this.upload(id)}/`;
  }

  /** Of one key there is only one content, whichever server stores it: bytes from there on are the same for all of them. */
  piece(id: string, { offset, bytes }: { readonly offset: number; readonly bytes: number }): string {
    return `${this.pieces(id)}${String(offset).padStart(digits, "0")}-${bytes}`;
  }

  /** Where the bytes of one lie whose place is not known yet. */
  data(id: string): string {
    return `${this.pieces(id)}data`;
  }

  /** Below which the members of the dataset `destination` lie. */
  members(destination: Destination): string {
    return `${this.of(destination).content}/`;
  }

  /** Below which those of one lie whose place is not known yet. */
  hiddenMembers(id: string): string {
    return `${this.data(id)}/`;
  }

  /** The upload that `key` belongs to, or `null`. */
  idOf(key: string): string | null {
    if (!key.startsWith(this.uploads)) return null;
    const id = key.slice(this.uploads.length, this.uploads.length + 32);
    return /^[0-9a-f]{32}$/.test(id) ? id : null;
  }

  isHidden(key: string): boolean {
    return key.startsWith(this.prefix + hidden);
  }
}

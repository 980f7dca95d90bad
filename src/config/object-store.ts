// Where files go that do not go to the data folder: to an object store, an address as s3://BUCKET/PREFIX and how that is reached; or to a
// folder that several servers share. Pure.

import { isAbsolute, normalize } from "node:path";
import { type Parsed, right, wrong } from "./parsed.ts";
import { plainUrl } from "./public-address.ts";
import type { Kind } from "./setting.ts";

export interface Bucket {
  readonly bucket: string;
  /** Without slashes at its ends; empty: the bucket is ours alone. */
  readonly prefix: string;
}

/** On a file system that several machines have. */
export interface SharedFolder {
  /** An absolute path. */
  readonly folder: string;
}

export type StoragePlace = Bucket | SharedFolder;

export function isBucket(place: StoragePlace): place is Bucket {
  return "bucket" in place;
}

// What is also the name of a host: what AWS and others take for a new bucket. Older ones may have "_" and capitals.
const bucketPattern = /^[A-Za-z0-9][\w.-]{1,61}[A-Za-z0-9]$/;
// Beside it come a folder, a name and what hides our own.
const prefixBytesMax = 255;
const hint = 'for example "s3://archive/instruments"';

/** `null` for "disk": the data folder. */
export const storages: Kind<StoragePlace | null> = {
  ...{ placeholder: "STORAGE", inFile: "text", isPath: false },
  parse: (text) => {
    if (text === "disk") return right(null);
    return isAbsolute(text) && !text.includes("\0") ? right({ folder: plainPath(text) }) : parseBucket(text);
  },
  write: (value) => (value === null ? "disk" : writeStorage(value)),
};

function plainPath(text: string): string {
  const path = normalize(text);
  return path.length > 1 ? path.replace(/[/\\]$/, "") : path;
}

function parseBucket(text: string): Parsed<Bucket> {
  const [, bucket = "", path = ""] = /^s3:\/\/([^/]*)(?:\/(.*?))?\/?$/.exec(text) ?? [];
  if (!bucketPattern.test(bucket))
    return wrong('"disk", s3://BUCKET/PREFIX or the absolute path of a folder', JSON.stringify(text), {
      hint,
    });
  const isPrefix =
    path === "" ||
    (Buffer.byteLength(path) <= prefixBytesMax &&
      path.split("/").every((it) => /^[\w.+=@ -]+$/.test(it) && !it.startsWith(".")));
  if (!isPrefix)
    return wrong(
      "a prefix of letters, digits and - _ + = @ . between slashes, no part of which begins with a dot",
      JSON.stringify(text),
      { hint },
    );
  return right({ bucket, prefix: path });
}

/** As people write it. */
export function writeStorage(place: StoragePlace): string {
  return isBucket(place) ? writeBucket(place) : place.folder;
}

export function writeBucket({ bucket, prefix }: Bucket): string {
  return `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
}

/** `null` for "aws": that of the region. */
export const endpoints: Kind<string | null> = {
  ...{ placeholder: "URL", inFile: "text", isPath: false },
  parse: (text) => {
    if (text === "aws") return right(null);
    const url = plainUrl(text);
    const isHost = url !== null && new URL(url).pathname === "/";
    return isHost
      ? right(url)
      : wrong('an http(s) address without a path, or "aws"', JSON.stringify(text), {
          hint: "for example https://rgw.example.org:8443",
        });
  },
  write: (value) => value ?? "aws",
};

export const regions: Kind<string> = {
  ...{ placeholder: "REGION", inFile: "text", isPath: false },
  parse: (text) =>
    /^[a-z0-9][a-z0-9-]{0,62}$/i.test(text)
      ? right(text)
      : wrong("a region, of letters, digits and hyphens", JSON.stringify(text), {
          hint: 'for example "eu-central-1"; Ceph takes "us-east-1" unless it is told otherwise',
        }),
  write: String,
};

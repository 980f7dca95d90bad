// Where the object store is that the settings name, and who asks it.

import { readFile } from "node:fs/promises";
import { DyncError, messageOf } from "../../base/error.ts";
import type { Bucket } from "../../config/object-store.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import type { S3Place } from "../../storage/s3/client/s3-request.ts";

/** Of this bucket, as `settings` have it. Throws `DyncError` ("configuration"). */
export async function s3PlaceOf({ bucket }: Bucket, settings: ProcessSettings): Promise<S3Place> {
  const { s3Endpoint, s3Region: region, s3Addressing, s3Credentials, s3Ca } = settings;
  const { findCredentials } = await import("../../storage/s3/client/credentials.ts");
  const endpoint = new URL(s3Endpoint ?? `https://s3.${region}.amazonaws.com`);
  return {
    ...{ endpoint, region, bucket },
    pathStyle: s3Addressing === "auto" ? s3Endpoint !== null : s3Addressing === "path",
    credentials: await findCredentials(s3Credentials, process.env),
    ca: s3Ca === null ? null : await certificatesIn(s3Ca),
  };
}

async function certificatesIn(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new DyncError("configuration", `s3-ca ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new DyncError("configuration", `s3-ca ${file} has no certificates`, {
    hint: "give a file in PEM, which begins with -----BEGIN CERTIFICATE-----",
  });
}

// A plain client of an object store, by the library that signs our requests too: sends a file as the parts of one multipart upload, so many at
// once, and nothing more. `bun bench/put-parts.ts ENDPOINT BUCKET KEY FILE PART-BYTES AT-ONCE [--checked]`, with the keys in the environment.
// --checked: each part with the checksums with which dync-server sends it, so that the store can look at them.

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { AwsClient } from "aws4fetch";

const [endpoint = "", bucket = "", key = "", file = "", partText = "", atOnceText = "", checked] =
  process.argv.slice(2);
const partBytes = Number(partText);
const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = process.env;
const client = new AwsClient({
  ...{ accessKeyId, secretAccessKey, service: "s3", region: "us-east-1", retries: 0 },
});
const object = `${endpoint}/${bucket}/${key}`;

async function ask(
  url: string,
  init: RequestInit,
): Promise<{ readonly text: string; readonly etag: string }> {
  const answer = await client.fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${init.method} ${url}: ${answer.status} ${text}`);
  return { text, etag: answer.headers.get("etag") ?? "" };
}

function headersOf(part: Uint8Array): Record<string, string> {
  if (checked !== "--checked") return {};
  return {
    "content-md5": createHash("md5").update(part).digest("base64"),
    "x-amz-content-sha256": createHash("sha256").update(part).digest("hex"),
  };
}

const begun = await ask(`${object}?uploads`, { method: "POST" });
const id = /<UploadId>(.*)<\/UploadId>/.exec(begun.text)?.[1] ?? "";
await using source = await open(file);
const { size } = await source.stat();
const etags: string[] = new Array(Math.ceil(size / partBytes));
let next = 0;
const send = async (): Promise<void> => {
  while (next < etags.length) {
    const at = next++;
    const part = new Uint8Array(Math.min(partBytes, size - at * partBytes));
    await source.read(part, 0, part.length, at * partBytes);
    const url = `${object}?partNumber=${at + 1}&uploadId=${encodeURIComponent(id)}`;
    etags[at] = (await ask(url, { method: "PUT", body: part, headers: headersOf(part) })).etag;
  }
};
await Promise.all(Array.from({ length: Number(atOnceText) }, send));
const rows = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
const body = `<CompleteMultipartUpload>${rows.join("")}</CompleteMultipartUpload>`;
const done = await ask(`${object}?uploadId=${encodeURIComponent(id)}`, { method: "POST", body });
if (!done.text.includes("CompleteMultipartUploadResult")) throw new Error(done.text);

// Sends one file with tus-js-client as it comes: node tus-client.mjs URL FILE NAME

import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, file, filename] = process.argv.slice(2);
const upload = new Upload(createReadStream(file), {
  endpoint,
  uploadSize: statSync(file).size,
  metadata: { filename },
  retryDelays: null,
  onError(error) {
    process.stderr.write(`${error}\n`);
    process.exitCode = 1;
  },
});
upload.start();

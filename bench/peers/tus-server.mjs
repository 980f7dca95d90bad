// Receives uploads with @tus/server into a folder, under the name that the client gave: node tus-server.mjs DIR

import { createServer } from "node:http";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const tus = new Server({
  path: "/files",
  datastore: new FileStore({ directory: process.argv[2] }),
  namingFunction: (_request, metadata) => metadata.filename,
});
const server = createServer((request, response) => tus.handle(request, response));
server.listen(0, "127.0.0.1", () => process.stdout.write(`listening on ${server.address().port}\n`));

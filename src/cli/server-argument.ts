// SERVER on the command line, and `--port`.

import { DyncError } from "../base/error.ts";
import { parseServerAddress, portIn, type ServerAddress } from "../config/server-address.ts";
import { optionText, unwrap } from "./option-value.ts";
import { printable } from "./printable.ts";

/** The address that `text` and the value of `--port`, if there is one, name. Throws `DyncError` ("usage"). */
export function serverArgument(text: string, portOption: string | undefined): ServerAddress {
  if (portOption === undefined) return unwrap(parseServerAddress(text), "SERVER");
  const port = portIn(text);
  if (port !== null && port !== portOption) {
    const ports = `"${port}" with SERVER and "${portOption}"`;
    throw new DyncError("usage", printable(`Two ports are given, ${ports}`), {
      hint: "write the port once, either as SERVER:PORT or with --port",
    });
  }
  const subject = optionText("port");
  return unwrap(parseServerAddress(text, { text: portOption, subject }), "SERVER");
}

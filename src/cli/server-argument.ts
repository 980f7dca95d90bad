// SERVER on the command line, and `--port`.

import { DyncError } from "../base/error.ts";
import { parseServerAddress, portsIn, type ServerAddress } from "../config/server-address.ts";
import { optionText, unwrap } from "./option-value.ts";
import { printable } from "./printable.ts";

/** The address that `text` and the value of `--port`, if there is one, name; of several those that name no port have that one. Throws `DyncError` ("usage"). */
export function serverArgument(text: string, portOption: string | undefined): ServerAddress {
  if (portOption === undefined) return unwrap(parseServerAddress(text), "SERVER");
  const ports = portsIn(text);
  const other = ports.find((port) => port !== null && port !== portOption);
  if (other !== undefined && !ports.includes(null)) {
    const both = `"${other}" with SERVER and "${portOption}"`;
    throw new DyncError("usage", printable(`Two ports are given, ${both}`), {
      hint: "write the port once, either as SERVER:PORT or with --port",
    });
  }
  const subject = optionText("port");
  const yields = ports.length > 1;
  return unwrap(parseServerAddress(text, { text: portOption, subject, yields }), "SERVER");
}

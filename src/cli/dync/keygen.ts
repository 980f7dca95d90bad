// `dync keygen`: keys of a user who sends files.

import { handOverName } from "../../keys/hand-over-name.ts";
import { defineCommand } from "../command.ts";
import { keygenOptions, makeKeys } from "../keygen.ts";
import { printable } from "../printable.ts";
import { keygenUsage } from "./usage.ts";

export const keygenCommand = defineCommand({
  name: "keygen",
  usage: keygenUsage,
  options: keygenOptions,
  async run(values, context) {
    const name = handOverName(values["user-id"], context.environment);
    const { handOverFile } = await makeKeys(values, context, "client", name);
    context.output.result(
      [
        "",
        "What to do next:",
        `  1. Send ${printable(handOverFile)} to the administrator of the`,
        "     server. Tell the fingerprint by another way, for example by telephone.",
        "  2. Ask for the key of the server, the file server.key, and say that it is",
        "     that server's: dync trust HOST server.key",
        "  3. Send a file: dync -k KEY:VALUE HOST FILE",
      ].join("\n"),
    );
    return 0;
  },
});

// `dync-server web link`: prints a link that signs in at the status page, once.

import * as v from "valibot";
import type { DyncError } from "../../base/error.ts";
import { type Role, roles, sessionNameMax } from "../../web/sessions.ts";
import { sharedOptions } from "../args.ts";
import { type CommandLine, defineCommand } from "../command.ts";
import { optionText, usageError } from "../option-value.ts";
import { ask } from "./ask.ts";
import { webLinkUsage } from "./usage-web.ts";

const answer = v.object({ origin: v.string(), secret: v.string(), until: v.string() });

export const webLinkCommand = defineCommand({
  name: "web link",
  usage: webLinkUsage,
  options: {
    ...sharedOptions,
    role: { type: "string", values: roles },
    name: { type: "string" },
    origin: { type: "string" },
    json: { type: "boolean" },
  },
  check: (line) => ({ misread: null, others: faults(line) }),
  async run(values, context) {
    const { output, environment } = context;
    const role = (values.role ?? "viewer") as Role;
    // Who looks after a server is known by the name of his account there.
    const name = values.name ?? environment.SUDO_USER ?? environment.USER ?? role;
    const given = { role, name: name.slice(0, sessionNameMax) };
    const { origin, secret, until } = await ask(context, "web link", given, answer);
    const link = `${values.origin ?? origin}/#sign-in=${secret}`;
    output.summarise({ link, ...given, until });
    output.result(link);
    output.say(`It signs in once as ${role}, within 15 minutes; then a browser stays signed in for 12 hours`);
    return 0;
  },
});

function faults({ values }: CommandLine): readonly DyncError[] {
  const [[role], [name], [origin]] = [values.role ?? [], values.name ?? [], values.origin ?? []];
  const wrong = (option: string, wanted: string, found: string) =>
    usageError({ wanted, found: JSON.stringify(found) }, optionText(option));
  return [
    ...(role === undefined || roles.some((it) => it === role)
      ? []
      : [wrong("role", roles.map((it) => `"${it}"`).join(" or "), role)]),
    ...(name === undefined || (name !== "" && name.length <= sessionNameMax)
      ? []
      : [wrong("name", `1 to ${sessionNameMax} characters`, name)]),
    ...(origin === undefined || /^https?:\/\/[^/\s]+$/.test(origin)
      ? []
      : [wrong("origin", "http:// or https:// and a host, without a path", origin)]),
  ];
}

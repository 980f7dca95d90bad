// `dync trust SERVER KEY`: which key a server must have.

import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { defaultPort } from "../../config/server-address.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { readFingerprint, readGivenKey, trustKey } from "../../keys/trust.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { type KnownServers, readKnownServers } from "./known-servers.ts";
import { chosenServer } from "./server-choice.ts";
import { trustUsage } from "./usage-servers.ts";

export const trustCommand = defineCommand({
  name: "trust",
  usage: trustUsage,
  options: {
    ...sharedOptions,
    // One that is meant for other commands does not say whose key this is.
    port: { type: "string", alias: "p", isOwn: true },
    fingerprint: { type: "string" },
    replace: { type: "boolean" },
    json: { type: "boolean" },
    server: { type: "positional", required: true },
    key: { type: "positional", required: true, means: "file" },
  },
  check: ({ values, positionals: [server] }, environment) => ({
    misread: null,
    others: [
      ...faultsOf(() => {
        if (server !== undefined) chosen(server, values.port?.[0], readKnownServers(environment));
      }),
      ...faultsOf(() => values.fingerprint?.[0] !== undefined && readFingerprint(values.fingerprint[0])),
    ],
  }),
  async run(values, { output, clock, environment }) {
    const known = readKnownServers(environment);
    const { home, named } = known;
    const server = chosen(values.server, values.port, known);
    const fingerprint = values.fingerprint === undefined ? null : readFingerprint(values.fingerprint);
    const given = await readGivenKey(values.key);
    if (given.type === "fingerprint" && fingerprint !== null)
      throw new DyncError("usage", "Two fingerprints are given, and no key", {
        hint: "with --fingerprint, give the file server.key",
      });
    const otherFiles = [...named.values()].flatMap(({ serverKey }) =>
      serverKey === null ? [] : [resolve(home, serverKey)],
    );
    const isForAllPorts = server.port === defaultPort;
    const about = { home, server, given, fingerprint, otherFiles, isForAllPorts };
    const trusted = await trustKey({ ...about, replace: values.replace, date: clock.date() });
    const { publicKey, file, isKnown, keptFile } = trusted;
    const { host, port } = server;
    output.summarise({
      server: host,
      port,
      publicKey: publicKey.text,
      fingerprint: publicKey.fingerprint,
      file,
      isNew: !isKnown,
      keptFile,
    });
    const already = isKnown ? "already " : "";
    const lines = [
      `The server ${formatServerAddress(server)} is ${already}known by`,
      `Fingerprint:  ${publicKey.fingerprint}`,
      `Key file:     ${file}`,
      ...(keptFile === null ? [] : [`Old key:      ${keptFile}`]),
    ];
    output.result(lines.map(printable).join("\n"));
    // Who typed a fingerprint has compared it.
    if (fingerprint === null && given.type === "key" && !isKnown)
      output.say("Compare the fingerprint with the one that the administrator tells, by telephone");
    return 0;
  },
});

function chosen(server: string, port: string | undefined, known: KnownServers): ServerChoice {
  return chosenServer(server, { port, serverKey: undefined }, known);
}

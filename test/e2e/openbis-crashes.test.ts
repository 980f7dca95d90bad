// A server that dies before one or the other of the calls by which it gives a file its dropbox: what is seen then is nothing or all of it, the marker
// is the last, and its client ends well after a restart.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { countedCalls, crashCommand, crashesMissing } from "../support/system-calls.ts";

const missing = executablesMissing ?? crashesMissing;
const rules = '[[rules]]\nname = "box"\npath = "box/{name}"\nnames = "posix"\nlayout = "openbis"\n';
const endMs = 120_000;
// Each takes about two seconds.
const stride = 5;

function startSend(lab: Lab, path: string) {
  return lab.startDync(["-q", "-k", "sample:S1", "--retry-for", "2m", `127.0.0.1:${lab.port}`, path]);
}

/** Whether it is seen; where it is, all of it is there, and described. */
function isSeen(lab: Lab, name: string, sent: string): boolean {
  const box = (...path: readonly string[]) => join(lab.data, "box", ...path);
  const marker = box(`.MARKER_is_finished_${name}`);
  if (!existsSync(box(name))) {
    expect(existsSync(marker)).toBe(false);
    return false;
  }
  const inside = [name, `${name}.origlabfilename`, `${name}.sha256sum`, "source_dropbox.txt"];
  expect(readdirSync(box(name)).sort()).toEqual(inside);
  expect(readFileSync(box(name, name), "utf8")).toBe(`content of ${sent}`);
  expect(readFileSync(box(name, `${name}.origlabfilename`), "utf8")).toBe(sent);
  const sum = readFileSync(box(name, `${name}.sha256sum`), "utf8");
  expect(readFileSync(box(`${name}.sha256`), "utf8")).toBe(`${sum.slice(0, 64)}  ${name}/${name}\n`);
  expect(JSON.parse(readFileSync(box(`${name}.meta.json`), "utf8"))).toMatchObject({ sample: "S1" });
  return existsSync(marker);
}

test.skipIf(missing !== null)(
  `a dropbox is whole wherever the server dies (${missing ?? "compiled"})`,
  async () => {
    await using lab = await openLab({ inMemory: true });
    writeFileSync(join(lab.homes.server, "server.toml"), rules);
    const upload = async (number: number, at: number) => {
      const sent = `QJFDC010EU-${number}.raw`;
      const name = `QJFDC010EU${number}.raw`;
      const path = await lab.file(sent, `content of ${sent}`);
      const log = lab.folder.file(`calls-${number}`);
      await lab.server.stop();
      await lab.start([], { under: crashCommand({ folder: lab.data, at, log }) });
      await using client = startSend(lab, path);
      const ended = await Promise.race([lab.server.ended(), client.ended(endMs)]);
      const isHit = ended.signal === "SIGKILL";
      if (isHit) {
        isSeen(lab, name, sent);
        await lab.start();
      }
      expect({ at, ...(await client.ended(endMs)) }).toMatchObject({ at, code: 0, stderr: "" });
      expect({ at, isSeen: isSeen(lab, name, sent) }).toEqual({ at, isSeen: true });
      return { isHit, calls: countedCalls(log) };
    };
    const { calls } = await upload(0, 0);
    const first = calls.findIndex((it) => it.includes(".openbis"));
    expect(first).toBeGreaterThan(0);
    // The last calls are those of a server whose client has heard that all is well.
    let hits = 0;
    for (let at = first; at <= calls.length && (await upload(at, at)).isHit; at += stride) hits++;
    expect(hits).toBeGreaterThan(6);
    // Nothing of it is left among what is under way.
    expect(readdirSync(join(lab.data, ".dync", "partial"))).toEqual([]);
  },
  600_000,
);

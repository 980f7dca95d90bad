// The pipeline of doc/operations.md, driven by the server's log: every stored file is worked on once, also over a rotation of the
// log and an end of the pipeline itself.

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { startProgram } from "../support/programs.ts";

const manual = readFileSync(join(import.meta.dir, "../../doc/operations.md"), "utf8");
const script = /```sh\n(#!\/bin\/sh\n# pipeline\.sh [\s\S]*?)```/.exec(manual)?.[1] ?? "";
const tools = ["jq", "tail", "logrotate"].filter((name) => Bun.which(name) === null);
const missing = executablesMissing ?? (process.platform !== "linux" ? "not Linux" : tools.join(", ") || null);

test.skipIf(missing !== null)(
  `the log drives the manual's pipeline (${missing ?? "logrotate"})`,
  async () => {
    expect(script).toContain("tail");
    await using lab = await openLab({ inMemory: true });
    const { folder } = lab;
    const log = folder.file("log", "log.json");
    mkdirSync(folder.file("log"), { mode: 0o750 });
    mkdirSync(folder.file("done"));
    await lab.server.stop();
    await lab.start(["--log-file", log]);
    const run = folder.file("pipeline.sh");
    writeFileSync(run, script);
    // What it is given stands on its standard output, and in the order of the calls.
    const work = folder.file("work.sh");
    writeFileSync(
      work,
      `#!/bin/sh\nprintf 'worked %s %s %s\\n' "$1" "$2" "$(sha256sum < "$1" | cut -c1-64)=$3"\n`,
    );
    chmodSync(work, 0o755);
    const start = () => startProgram(["sh", run, log, folder.file("done"), work]);
    const send = async (name: string): Promise<void> => {
      await lab.send([await lab.file(name, 1000)]);
    };
    const worked = (name: string): RegExp => {
      const path = lab.stored(name).replaceAll(/[.$]/g, "\\$&");
      return new RegExp(`^worked ${path} alice ([0-9a-f]{64})=\\1$`, "m");
    };

    await send("before.raw");
    {
      await using pipeline = start();
      await pipeline.line(worked("before.raw"));
      await send("a $(name) & more.raw");
      await pipeline.line(/^worked .*a \$\(name\) & more\.raw alice/m);
      const rotation = folder.file("logrotate.conf");
      writeFileSync(
        rotation,
        `${log} { rotate 3\n missingok\n nocreate\n delaycompress\n compress\n` +
          ` postrotate\n  kill -HUP ${lab.server.child.pid}\n endscript\n}\n`,
      );
      chmodSync(rotation, 0o644);
      await using rotate = startProgram(["logrotate", "-f", "-s", folder.file("state"), rotation]);
      expect(await rotate.ended()).toMatchObject({ code: 0 });
      await lab.server.line(/Configuration read again/);
      await send("rotated.raw");
      await pipeline.line(worked("rotated.raw"));
      expect(readFileSync(`${log}.1`, "utf8")).toContain("before.raw");
      await pipeline.stop();
    }
    await send("meanwhile.raw");
    await using again = start();
    await again.line(worked("meanwhile.raw"));
    await send("last.raw");
    await again.line(worked("last.raw"));
    const { stdout } = await again.stop();
    // Nothing twice, though it read all of both files once more.
    expect(stdout.match(/^worked .*$/gm)).toHaveLength(2);
  },
);

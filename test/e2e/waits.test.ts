// What a client says while its server lets it wait, with the compiled programs: why, and what the server is short of.

import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";

const missing = executablesMissing ?? (process.platform === "win32" ? "scripts of a shell" : null);

describe.skipIf(missing !== null)(`who waits (${missing ?? "compiled"})`, () => {
  test("is told of the check that takes long, and of the place that is taken, and goes on", async () => {
    await using lab = await openLab({ inMemory: true, server: ["--max-uploads", "1"] });
    const check = lab.folder.file("check");
    // As long as the test wants.
    writeFileSync(check, '#!/bin/sh\nwhile [ ! -e "$0.done" ]; do sleep 0.2; done\n');
    chmodSync(check, 0o755);
    const hook = ["[[hooks]]", 'name = "lims"', 'event = "before"', 'timeout = "60s"'];
    const text = [...hook, `command = [${JSON.stringify(check)}]`].join("\n");
    expect(await lab.configure(text)).toMatchObject({ code: 0 });
    const [one, two] = [await lab.file("one.raw", "content"), await lab.file("two.raw", "content")];
    await using first = lab.startSend(["--json", one]);
    await first.line(/"waiting":"waiting for the server","reason":"approval"/);
    await using second = lab.startSend(["--json", two]);
    const [, reason] = await second.line(/"waiting":"([^"]*)","reason":"too-many-uploads"/);
    expect(reason).toBe("The server has 1 open upload, the most that it may have: no more for now");
    await first.line(/"waiting":"being checked on the server","reason":"hook","ahead":null/);
    writeFileSync(`${check}.done`, "");
    expect(await first.ended()).toMatchObject({ code: 0 });
    expect(await second.ended()).toMatchObject({ code: 0 });
    for (const path of [one, two]) await lab.expectStored(path);
  });
});

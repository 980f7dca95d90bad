// How fast files are sent, and before whom, with the compiled programs. A busy machine makes nothing faster: so what is looked at is what must not
// have passed yet, and what passes at last.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";

const MB = 1_000_000;

describe.skipIf(executablesMissing !== null)(`a limit (${executablesMissing ?? "compiled"})`, () => {
  test("holds for all files of a command together, wherever it is said", async () => {
    await using lab = await openLab({ inMemory: true });
    const paths = await Promise.all([1, 2, 3, 4].map((at) => lab.file(`part-${at}.raw`, MB / 2)));
    const startedAt = performance.now();
    const env = { DYNC_LIMIT: "00:00-24:00 1MB/s" };
    expect(await lab.send(["--jobs", "4", ...paths], { env })).toMatchObject({ code: 0 });
    // The first fifth of a second, and one chunk, are free.
    expect(performance.now() - startedAt).toBeGreaterThan(1600);
    for (const path of paths) await lab.expectStored(path);
  });

  test("is changed by a command while files are sent, and counts for those that are sent later", async () => {
    await using lab = await openLab({ inMemory: true });
    // Seven minutes at what it begins with.
    const path = await lab.file("run.raw", 4 * MB);
    await using sending = lab.startSend(["--limit", "10kB/s", path]);
    await lab.server.line(/"Upload started"/);
    expect(await lab.dync(["limit", "unlimited"])).toMatchObject({ code: 0 });
    expect(await sending.ended()).toMatchObject({ code: 0 });
    await lab.expectStored(path);

    expect(await lab.dync(["limit", "10kB/s"])).toMatchObject({ code: 0 });
    const next = await lab.file("next.raw", 4 * MB);
    await using slow = lab.startSend([next]);
    await lab.server.line(/"Upload started".*"next.raw"/);
    expect(await lab.dync(["limit", "--clear"])).toMatchObject({ code: 0, stdout: "unlimited\n" });
    expect(await slow.ended()).toMatchObject({ code: 0 });
    await lab.expectStored(next);
  });

  test("who stops a command that waits for it is heard at once, and goes on without", async () => {
    await using lab = await openLab({ inMemory: true });
    const path = await lab.file("run.raw", 4 * MB);
    await using sending = lab.startSend(["--json", "--limit", "10kB/s", path]);
    await sending.line(/"type":"status".*"sent":[1-9]/);
    sending.signal("SIGINT");
    await lab.server.line(/Upload suspended/);
    const end = await sending.ended();
    expect(end.stderr).toContain("dync resume");
    expect(end.stderr).not.toContain("did not hear");
    expect(await lab.dync(["resume", "--limit", "100MB/s"])).toMatchObject({ code: 0 });
    await lab.expectStored(path);
  });
});

describe.skipIf(executablesMissing !== null)(`a priority (${executablesMissing ?? "compiled"})`, () => {
  test("is what the server allows its user, and less is said", async () => {
    await using lab = await openLab({ inMemory: true });
    const text = '[[limits]]\nname = "urgent"\nusers = ["alice"]\npriority = "high"\n';
    expect(await lab.configure(text)).toMatchObject({ code: 0 });
    const env = { DYNC_HOME: await lab.user("bert") };
    const paths = await Promise.all(["a.raw", "b.raw"].map((name) => lab.file(name, 10_000)));
    const said = "The server allows no priority above normal";
    const [first = "", second = ""] = paths;
    const allowed = await lab.send(["--priority", "high", first]);
    expect([allowed.code, allowed.stderr.includes(said)]).toEqual([0, false]);
    const lower = await lab.send([first], { env: { ...env, DYNC_PRIORITY: "high" } });
    expect([lower.code, lower.stderr.includes(said)]).toEqual([0, true]);
    const low = await lab.send(["--priority", "low", second], { env });
    expect([low.code, low.stderr.includes("priority")]).toEqual([0, false]);
    await lab.expectStored(second, "b.raw", "bert");
  });
});

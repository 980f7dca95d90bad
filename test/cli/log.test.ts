import { expect, test } from "bun:test";
import { openLog } from "../../src/cli/log.ts";
import { CapturedStream } from "../support/captured-stream.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("text lines have time, level, message and fields that cannot break the line", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ stream, clock: new ManualClock(), format: "text", level: "info" });
  logger.log("debug", "Left out");
  logger.log("info", "Upload started", { user: "meyer", name: "run 42\n.raw", size: 5, gone: undefined });
  logger.log("error", "Storing failed", { reason: 'no "space"', x: null, y: true, z: "" });
  await flush(1000);
  expect(stream.text).toBe(
    '2026-01-02T03:04:05Z info  Upload started user=meyer name="run 42\\n.raw" size=5\n' +
      '2026-01-02T03:04:05Z error Storing failed reason="no \\"space\\"" x=null y=true z=""\n',
  );
});

test("JSON lines hold the same as members", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ stream, clock: new ManualClock(), format: "json", level: "debug" });
  logger.log("debug", "Upload started", { name: "a\u202e\u001b", size: 5 });
  await flush(1000);
  expect(stream.text).toBe(
    '{"time":"2026-01-02T03:04:05.000Z","level":"debug","message":"Upload started","name":"a\\u202e\\u001b","size":5}\n',
  );
});

test("lines that nobody reads are dropped and counted, never waited for", async () => {
  const stream = new CapturedStream();
  stream.isStuck = true;
  const { logger, flush } = openLog({ stream, clock: new ManualClock(), format: "text", level: "info" });
  const line = "x".repeat(80);
  for (let count = 0; count < 20_000; count++) logger.log("info", line);
  // Not even their end is waited for.
  await Promise.resolve();
  expect(stream.text.length).toBeLessThan(100_000);
  stream.goOn();
  await flush(1000);
  const written = stream.text.split("\n").filter((it) => it.endsWith(line)).length;
  expect(stream.text.length).toBeLessThan(1_100_000);
  expect(stream.text).toContain(`Log lines dropped, nobody read them in time lines=${20_000 - written}\n`);
});

test("a log that failed goes on, and says what was lost and why", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ stream, clock: new ManualClock(), format: "text", level: "info" });
  const line = async (message: string): Promise<void> => {
    logger.log("info", message);
    await flush(1000);
  };
  await line("Before");
  stream.fault = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  for (let count = 0; count < 3; count++) await line("Lost");
  stream.fault = null;
  await line("After");
  await line("Again");
  expect(stream.text).toBe(
    "2026-01-02T03:04:05Z info  Before\n" +
      // Of the line that failed a part may be there.
      "\n2026-01-02T03:04:05Z warn  Log lines lost, they could not be written lines=3 " +
      'reason="ENOSPC: no space left on device"\n' +
      "2026-01-02T03:04:05Z info  After\n" +
      "2026-01-02T03:04:05Z info  Again\n",
  );
});

test("what a peer provokes is counted, and told at the latest at the end", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ stream, clock: new ManualClock(), format: "json", level: "warn" });
  for (let count = 0; count < 300_000; count++) {
    logger.log("warn", "Malformed message", { user: "anna", code: 400, reason: "x".repeat(5000) });
    logger.log("info", "Upload started", { user: "anna" });
  }
  await flush(1000);
  expect(stream.text.length).toBeLessThan(10_000);
  expect(stream.text).toContain('"times":299995}');
  expect(stream.text).not.toContain("Upload started");
});

test("a reader that went away is no error", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ stream, clock: new ManualClock(), format: "text", level: "info" });
  stream.destroy(new Error("EPIPE"));
  await Promise.resolve();
  logger.log("info", "Nobody hears this");
  await flush(1000);
  expect(stream.text).toBe("");
});

// A server that is watched: real uploads, a real Prometheus with the alarms and queries of `doc/monitoring`, and the metrics that the
// page names.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { lastingPort } from "../support/ports.ts";
import { runProgram, startProgram } from "../support/programs.ts";

const folder = resolve(import.meta.dir, "../../doc/monitoring");
const alerts = join(folder, "alerts.yml");
const dashboard = readFileSync(join(folder, "grafana-dashboard.json"), "utf8");
const page = readFileSync(resolve(folder, "../monitoring.md"), "utf8");
const promtool = Bun.which("promtool");
const prometheus = Bun.which("prometheus");
const namesIn = (text: string) => new Set(text.match(/\b(?:dync_server|process)_[a-z_]+[a-z]\b/g));
const sizeBytes = 300_000;

describe.skipIf(executablesMissing !== null)(`monitoring (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let at: string;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true, server: ["--http", "127.0.0.1:0"] });
    const line = await lab.server.line(/"message":\s*"Answering over HTTP"/);
    at = `127.0.0.1:${(JSON.parse(line.input ?? "") as { port: number }).port}`;
    expect(await lab.send(["-q", await lab.file("one.raw", sizeBytes)])).toMatchObject({ code: 0 });
    // Refused: of that name there is another one.
    expect(await lab.send(["-q", "-n", "one.raw", await lab.file("two.raw", 5)])).toMatchObject({ code: 7 });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());
  const metrics = async () => await (await fetch(`http://${at}/metrics`)).text();

  test("says that it is well, and what it did", async () => {
    for (const path of ["healthz", "readyz"]) {
      const answer = await fetch(`http://${at}/${path}`);
      expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
    }
    const text = await metrics();
    for (const line of [
      `dync_server_received_bytes_total ${sizeBytes}`,
      "dync_server_uploads_finished_total 1",
      `dync_server_finished_bytes_total ${sizeBytes}`,
      'dync_server_uploads_refused_total{reason="name-taken"} 1',
      "dync_server_publish_duration_seconds_count 1",
      `dync_server_user_stored_bytes{user="alice"} ${sizeBytes}`,
      "dync_server_authorized_keys 1",
      "dync_server_memory_used_bytes 0",
    ])
      expect(text.split("\n")).toContain(line);
  });

  test("what it has is what the page says, and all that alarms and the dashboard ask for", async () => {
    const names = [...namesIn(await metrics())].map((it) => it.replace(/_(?:bucket|sum|count)$/, ""));
    const told = namesIn(page);
    expect(new Set(names).difference(told)).toEqual(new Set());
    const asked = namesIn(readFileSync(alerts, "utf8") + dashboard);
    const plain = [...asked].map((it) => it.replace(/_bucket$/, ""));
    expect(new Set(plain).difference(told)).toEqual(new Set());
  });

  test.skipIf(promtool === null)("promtool finds nothing wrong with metrics and alarms", async () => {
    const file = await lab.file("metrics.txt", await metrics());
    const checked = await runProgram(["sh", "-c", 'promtool check metrics < "$1"', "sh", file]);
    expect(checked).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await runProgram([promtool as string, "check", "rules", alerts])).toMatchObject({ code: 0 });
  });

  test.skipIf(promtool === null)("alarms begin and end when they should, in simulated time", async () => {
    const cases = join(import.meta.dir, "monitoring-alerts.yml");
    const copy = await lab.file(
      "alerts-test.yml",
      readFileSync(cases, "utf8").replace("[ALERTS]", JSON.stringify([alerts])),
    );
    // Days of samples, each minute: seconds of work, which a machine with other work does in a while.
    const judged = await runProgram([promtool as string, "test", "rules", copy], {}, 120_000);
    expect(judged).toMatchObject({ code: 0 });
  });

  test.skipIf(prometheus === null)(
    "a Prometheus reads it, and answers all that alarms and the dashboard ask",
    async () => {
      const home = lab.folder.file("prometheus");
      await mkdir(home);
      const [port, config] = [await lastingPort(), join(home, "prometheus.yml")];
      const job = { job_name: "dync-server", scrape_interval: "1s", static_configs: [{ targets: [at] }] };
      const settings = { global: { evaluation_interval: "1s" }, rule_files: [alerts], scrape_configs: [job] };
      // JSON is YAML.
      await writeFile(config, JSON.stringify(settings));
      const listen = `--web.listen-address=127.0.0.1:${port}`;
      const storage = [`--storage.tsdb.path=${join(home, "data")}`];
      await using program = startProgram([
        prometheus as string,
        `--config.file=${config}`,
        listen,
        ...storage,
      ]);
      await program.line(/Server is ready to receive web requests/);
      const query = async (text: string) => {
        const address = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`;
        return (await (await fetch(address)).json()) as { status: string; data: { result: unknown[] } };
      };
      while ((await query("dync_server_uploads_finished_total")).data.result.length === 0)
        await Bun.sleep(100);
      const { data } = await query('dync_server_user_last_arrival_timestamp_seconds{user="alice"}');
      expect(data.result).toHaveLength(1);
      const variables = (text: string) =>
        text.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m");
      const { panels } = JSON.parse(dashboard) as { panels: { targets: { expr: string }[] }[] };
      const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => variables(expr)));
      expect(expressions.length).toBeGreaterThan(10);
      for (const text of expressions) expect([text, (await query(text)).status]).toEqual([text, "success"]);
      const rules = (await (await fetch(`http://127.0.0.1:${port}/api/v1/rules`)).json()) as {
        data: { groups: { rules: { name: string; lastError?: string }[] }[] };
      };
      const failing = rules.data.groups.flatMap((group) => group.rules.filter((it) => it.lastError));
      expect(failing).toEqual([]);
    },
  );
});

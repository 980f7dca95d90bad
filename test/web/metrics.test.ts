// What is counted, what is looked up, and who may read it.

import { describe, expect, test } from "bun:test";
import type { AuditEvent } from "../../src/audit/audit.ts";
import type { UserUsage } from "../../src/catalogue/catalogue.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { waitCauses } from "../../src/protocol/wait.ts";
import type { HttpRequest } from "../../src/web/http/http-message.ts";
import { Metrics, metricsGate } from "../../src/web/metrics/metrics.ts";
import type { StateParts } from "../../src/web/metrics/state-metrics.ts";
import { labelledUsersMax, userLabels } from "../../src/web/metrics/user-labels.ts";
import { ManualClock } from "../support/manual-clock.ts";

const GiB = 1024 ** 3;

function usageOf(user: string, more: Partial<UserUsage> = {}): UserUsage {
  const none = { stored: 0, files: 0, unfinished: 0, underWay: 0, lastAt: null, countedAt: null };
  return { user, ...none, ...more };
}

/** A server of which these things are so. */
function partsWith(more: Partial<StateParts> = {}): StateParts {
  return {
    ...{ version: "1.2.3", clock: new ManualClock(), clients: { list: () => [] } },
    server: {
      ...{ openUploads: 3, pendingKeys: [], afterHooks: undefined, waits: () => new Map([["disk", 2]]) },
      credit: { budgetBytes: 64, heldBytes: 16 },
    },
    usages: async function* () {},
    instruments: { kept: async function* () {} },
    alarms: { firing: async () => [], configured: () => [] },
    ...{ rulesOf: () => defaultUserRules, groupsOf: () => [], freeBytes: async () => 5 * GiB },
    ...more,
  };
}

function requestFrom(from: string, headers: Readonly<Record<string, string>> = {}): HttpRequest {
  return {
    ...{ method: "GET", path: "/metrics", query: new URLSearchParams(), from },
    ...{ isSecure: false, body: async () => "" },
    header: (name) => headers[name],
  };
}

/** The lines that have values, as one who scrapes gets them. */
async function scraped(metrics: Metrics, parts: StateParts): Promise<readonly string[]> {
  const { status, body } = await metrics.handler(parts, () => null)(requestFrom("127.0.0.1"));
  expect(status).toBe(200);
  return (body?.text ?? "").split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const begun = () => new Metrics(new Date(0));

describe("what happened", () => {
  test("is counted, and recorded as before", async () => {
    const metrics = begun();
    const recorded: AuditEvent[] = [];
    const audit = metrics.observe({ record: (event) => void recorded.push(event) });
    const events: readonly AuditEvent[] = [
      { event: "admitted" },
      { event: "admitted" },
      { event: "finished", size: 70 },
      { event: "failed", code: 460 },
      { event: "cancelled", code: 499 },
      { event: "expired", code: 408 },
      { event: "refused", code: 422 },
      { event: "refused", code: 422 },
      { event: "refused", code: 999 },
      { event: "key-refused" },
      { event: "reload-refused" },
    ];
    for (const event of events) audit.record(event);
    metrics.meter.stored(40);
    metrics.meter.stored(2);
    metrics.meter.published(0.02);
    expect(recorded).toEqual([...events]);
    const lines = await scraped(metrics, partsWith());
    for (const line of [
      "dync_server_uploads_started_total 2",
      "dync_server_uploads_finished_total 1",
      "dync_server_finished_bytes_total 70",
      'dync_server_uploads_failed_total{reason="checksum-mismatch"} 1',
      'dync_server_uploads_failed_total{reason="cancelled"} 1',
      'dync_server_uploads_failed_total{reason="timed-out"} 1',
      'dync_server_uploads_refused_total{reason="metadata-rejected"} 2',
      'dync_server_uploads_refused_total{reason="failed"} 1',
      "dync_server_keys_refused_total 1",
      'dync_server_reloads_total{outcome="refused"} 1',
      "dync_server_received_bytes_total 42",
      'dync_server_publish_duration_seconds_bucket{le="0.01"} 0',
      'dync_server_publish_duration_seconds_bucket{le="0.05"} 1',
    ])
      expect(lines).toContain(line);
  });

  test("is there as 0 before it happens the first time", async () => {
    const lines = await scraped(begun(), partsWith());
    expect(lines).toContain('dync_server_uploads_refused_total{reason="metadata-rejected"} 0');
    expect(lines).toContain('dync_server_uploads_failed_total{reason="checksum-mismatch"} 0');
  });
});

describe("how the server is", () => {
  test("is looked up for each scrape", async () => {
    const metrics = begun();
    const server = partsWith().server;
    let openUploads = 1;
    const parts = partsWith({
      server: {
        ...server,
        get openUploads() {
          return openUploads;
        },
      },
    });
    const handler = metrics.handler(parts, () => null);
    const shown = async () => (await handler(requestFrom("127.0.0.1"))).body?.text;
    expect(await shown()).toContain("\ndync_server_open_uploads 1\n");
    openUploads = 7;
    expect(await shown()).toContain("\ndync_server_open_uploads 7\n");
  });

  test("keys, of which the next that expires is told", async () => {
    const clock = new ManualClock();
    const at = (ms: number) => ({ expiresAt: new Date(clock.date().getTime() + ms) });
    const clients = { list: () => [{}, at(-1000), at(5000), at(2000)] };
    const lines = await scraped(begun(), partsWith({ clock, clients }));
    expect(lines).toContain("dync_server_authorized_keys 4");
    const seconds = (clock.date().getTime() + 2000) / 1000;
    expect(lines).toContain(`dync_server_next_key_expiry_timestamp_seconds ${seconds}`);
  });

  test("hooks for which something waits", async () => {
    const counts = async () => [
      { hook: "lims", deliveries: 5, failing: 2, isConfigured: true },
      { hook: "gone", deliveries: 1, failing: 0, isConfigured: false },
    ];
    const server = { ...partsWith().server, afterHooks: { counts } };
    const lines = await scraped(begun(), partsWith({ server }));
    expect(lines.filter((line) => line.startsWith("dync_server_hook_deliveries"))).toEqual([
      'dync_server_hook_deliveries{hook="lims",state="waiting"} 3',
      'dync_server_hook_deliveries{hook="lims",state="failing"} 2',
      'dync_server_hook_deliveries{hook="gone",state="stuck"} 1',
    ]);
  });

  test("what open uploads wait for, also that for which none does", async () => {
    const lines = await scraped(begun(), partsWith());
    const waiting = lines.filter((line) => line.startsWith("dync_server_uploads_waiting"));
    expect(waiting).toHaveLength(waitCauses.length);
    expect(waiting).toContain('dync_server_uploads_waiting{reason="disk"} 2');
    expect(waiting).toContain('dync_server_uploads_waiting{reason="memory"} 0');
  });

  test("alarms, also those that are quiet", async () => {
    const firing = async () => ["silent", "silent", "gone"].map((alarm) => ({ alarm }));
    const configured = () => [{ name: "silent" }, { name: "disk" }];
    const lines = await scraped(begun(), partsWith({ alarms: { firing, configured } }));
    expect(lines.filter((line) => line.startsWith("dync_server_alarms"))).toEqual([
      'dync_server_alarms_firing{alarm="silent"} 2',
      'dync_server_alarms_firing{alarm="disk"} 0',
    ]);
  });

  test("users, with what they have and when something of theirs came last", async () => {
    const lastAt = "2026-01-02T03:04:05.000Z";
    const usages = async function* () {
      yield usageOf("ms-1", { stored: 10, files: 2, unfinished: 1, lastAt });
      yield usageOf('a"b\\c');
    };
    const rulesOf = (user: string) =>
      user === "ms-1" ? { ...defaultUserRules, limits: { quotaBytes: 99 } } : defaultUserRules;
    const lines = await scraped(begun(), partsWith({ usages, rulesOf }));
    expect(lines.filter((line) => line.includes('{user="ms-1"}'))).toEqual([
      'dync_server_user_stored_bytes{user="ms-1"} 10',
      'dync_server_user_stored_uploads{user="ms-1"} 2',
      'dync_server_user_unfinished_uploads{user="ms-1"} 1',
      'dync_server_user_quota_bytes{user="ms-1"} 99',
      `dync_server_user_last_arrival_timestamp_seconds{user="ms-1"} ${Date.parse(lastAt) / 1000}`,
    ]);
    expect(lines).toContain('dync_server_user_stored_bytes{user="a\\"b\\\\c"} 0');
  });

  test("what cannot be looked up is left out, and the rest is told", async () => {
    const parts = partsWith({
      freeBytes: () => Promise.reject(new Error("the disk is away")),
      usages: () => {
        throw new Error("the catalogue is locked");
      },
    });
    const lines = await scraped(begun(), parts);
    expect(lines).toContain("dync_server_open_uploads 3");
    expect(lines.filter((line) => line.startsWith("dync_server_user_"))).toEqual([]);
  });

  test("is looked up once for all who ask at the same time", async () => {
    let looks = 0;
    const freeBytes = async () => ++looks;
    const handler = begun().handler(partsWith({ freeBytes }), () => null);
    await Promise.all(Array.from({ length: 20 }, async () => await handler(requestFrom("127.0.0.1"))));
    expect(looks).toBe(1);
    await handler(requestFrom("127.0.0.1"));
    expect(looks).toBe(2);
  });
});

describe("labels of users", () => {
  const users = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

  test("are their names while they are few", () => {
    expect(userLabels(users(labelledUsersMax), () => ["g"])("user-3")).toBe("user-3");
  });

  test("are their groups when they are many, however many they are", () => {
    const groupsOf = (user: string) => (user.endsWith("1") ? ["ones", "all"] : []);
    const labelOf = userLabels(users(labelledUsersMax + 1), groupsOf);
    expect(new Set(users(5000).map(labelOf))).toEqual(new Set(["group:ones", "group:other"]));
  });
});

describe("who may read metrics", () => {
  const token = "0123456789abcdef";
  const own = "127.0.0.1";
  const other = "10.1.2.3";
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  test.each<[string, string | null, HttpRequest, number | null]>([
    ["this machine", null, requestFrom(own), null],
    ["this machine, over IPv6", null, requestFrom("::1"), null],
    ["another machine", null, requestFrom(other), 403],
    ["another one, over a proxy here", null, requestFrom(own, { "x-forwarded-for": other }), 403],
    ["another one, over a proxy by the standard", null, requestFrom(own, { forwarded: `for=${other}` }), 403],
    ["who has the token, from anywhere", token, requestFrom(other, bearer(token)), null],
    ["this machine without the token", token, requestFrom(own), 401],
    ["another token", token, requestFrom(other, bearer(`${token}0`)), 401],
    ["the token in another scheme", token, requestFrom(other, { authorization: `Basic ${token}` }), 401],
  ])("%s", (_, given, request, status) => {
    expect(metricsGate(given)(request)?.status ?? null).toBe(status);
  });
});

test("what watched folders told is told by user: the one silent for longest, sums, the worst clock, the fullest disk", async () => {
  const seenAt = "2026-11-27T08:00:00.000Z";
  const of = (label: string, report: object, at = seenAt) => ({
    ...{
      user: "ms-1",
      label,
      seenAt: at,
      report: JSON.stringify({ offsetMs: 0, offsetErrorMs: 0, ...report }),
    },
  });
  const kept = async function* () {
    yield of("a", { entries: 2, bytes: 10, offsetMs: -90_000, free: 700 });
    yield of("b", { entries: 1, bytes: 5, offsetMs: 2_000, free: 50 }, "2026-11-27T07:00:00.000Z");
    yield of("c", { entries: 9, bytes: 9, free: 1, stops: true }, "2026-01-01T00:00:00.000Z");
  };
  const lines = await scraped(begun(), partsWith({ instruments: { kept } }));
  const user = '{user="ms-1"}';
  for (const line of [
    `last_seen_timestamp_seconds${user} ${Date.parse("2026-11-27T07:00:00.000Z") / 1000}`,
    `backlog_entries${user} 3`,
    `backlog_bytes${user} 15`,
    `clock_offset_seconds${user} -90`,
    `free_bytes${user} 50`,
  ])
    expect(lines).toContain(`dync_server_instrument_${line}`);
});

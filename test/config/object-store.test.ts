// Where files go that go to an object store, as people write it.

import { describe, expect, test } from "bun:test";
import { endpoints, regions, storages } from "../../src/config/object-store.ts";
import { readServerSettings } from "../../src/config/server-settings.ts";

describe("storage", () => {
  test.each([
    ["disk", null, "disk"],
    ["s3://archive", { bucket: "archive", prefix: "" }, "s3://archive"],
    ["s3://archive/", { bucket: "archive", prefix: "" }, "s3://archive"],
    ["s3://archive/ms/2026/", { bucket: "archive", prefix: "ms/2026" }, "s3://archive/ms/2026"],
    ["/srv/data/", { folder: "/srv/data" }, "/srv/data"],
    ["/mnt/ceph/../lab", { folder: "/mnt/lab" }, "/mnt/lab"],
    ["/", { folder: "/" }, "/"],
    ["s3://My_Old.Bucket/a b", { bucket: "My_Old.Bucket", prefix: "a b" }, "s3://My_Old.Bucket/a b"],
  ])("%p is read", (text, value, written) => {
    expect(storages.parse(text)).toEqual({ ok: true, value });
    expect(storages.write(value)).toBe(written);
  });

  test.each([
    "",
    "s3:/a/b",
    "s3://",
    "s3://a",
    "s3://-ab/c",
    "S3://abc",
    "srv/data",
    "./data",
    "s3://abc//x",
    "s3://abc/.x",
  ])("%p is none", (text) => {
    expect(storages.parse(text)).toMatchObject({ ok: false, fault: { found: JSON.stringify(text) } });
  });
});

test.each([
  ["aws", null],
  ["https://rgw.example.org:8443/", "https://rgw.example.org:8443"],
  ["http://10.0.0.7", "http://10.0.0.7"],
])("endpoint %p is read", (text, value) => expect(endpoints.parse(text)).toEqual({ ok: true, value }));

test.each(["rgw.example.org", "ftp://rgw.example.org", "https://rgw.example.org/s3", "https://a@b", ""])(
  "endpoint %p is none",
  (text) => expect(endpoints.parse(text).ok).toBe(false),
);

test("regions are words", () => {
  expect(regions.parse("eu-central-1").ok).toBe(true);
  expect(regions.parse("eu central").ok).toBe(false);
});

describe("settings that do not fit each other", () => {
  const faultsOf = (option: Record<string, string>): readonly string[] =>
    readServerSettings({ option }).faults.map(({ name, fault }) => `${name} ${fault.wanted}`);

  test("what is said of a store where there is none", () => {
    expect(faultsOf({ "s3-endpoint": "https://rgw.example.org" })).toEqual([
      's3-endpoint storage = "s3://…" beside it',
    ]);
    expect(faultsOf({ storage: "s3://abc", "s3-endpoint": "https://rgw.example.org" })).toEqual([]);
  });

  test("a folder that servers share, without what else they share", () => {
    const shared = { storage: "/mnt/lab", data: "/srv/dync", catalogue: "postgres://dync@db/dync" };
    expect(faultsOf(shared)).toEqual([]);
    expect(faultsOf({ ...shared, "s3-ca": "/etc/ca.pem" })).toEqual(['s3-ca storage = "s3://…" beside it']);
    expect(faultsOf({ ...shared, catalogue: "sqlite" })).toEqual([
      'storage catalogue = "postgres://…" beside a folder',
    ]);
    expect(faultsOf({ ...shared, data: "/mnt/lab/" })).toEqual([
      "data another folder than storage, which all servers share",
    ]);
  });

  test("certificates where there is no TLS", () => {
    const all = { storage: "s3://abc", "s3-endpoint": "http://10.0.0.7", "s3-ca": "/etc/ca.pem" };
    expect(faultsOf(all)).toEqual(['s3-ca "none", as s3-endpoint is without TLS']);
  });
});

// OpenStack Swift with its S3 interface, a second object store that does some things otherwise than Ceph: one server of each kind over a temporary
// folder, on free ports of loopback, ended by their own process ids. Debian's packages swift-proxy, swift-account, swift-container, swift-object
// and memcached.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import type { CephUser } from "./ceph.ts";
import { lastingPort } from "./ports.ts";
import { runProgram, startProgram } from "./programs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

const kinds = ["account", "container", "object"] as const;
// The rings by the library of `swift-ring-builder`, which is as slow to start for each of nine steps as it is for all of them.
const ringsScript = `
import sys
from swift.common.ring import RingBuilder
folder = sys.argv[1]
for kind, port in (it.split("=") for it in sys.argv[2:]):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev(dict(region=1, zone=1, ip="127.0.0.1", port=int(port), device="d1", weight=1))
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{kind}.ring.gz")
`;
// Names are not looked up: a resolver of its own would be half of what each program reads at its start.
const env = { EVENTLET_NO_GREENDNS: "yes" };
const needed = [
  "swift-ring-builder",
  "swift-proxy-server",
  "memcached",
  ...kinds.map((it) => `swift-${it}-server`),
];
const absent = needed.filter((program) => Bun.which(program) === null);
// Where its hash has a salt; there is no other place for it.
const saltFile = "/etc/swift/swift.conf";

/** Why there is no Swift here, for the name of a skipped test; `null` when there is one. */
export const swiftMissing: string | null =
  absent.length > 0 ? `no ${absent.join(", no ")} here` : existsSync(saltFile) ? null : `no ${saltFile} here`;

const startMs = 60_000;

type Kind = (typeof kinds)[number];

export interface Swift extends AsyncDisposable {
  readonly endpoint: string;
  readonly user: CephUser;
}

export async function startSwift(): Promise<Swift> {
  const stack = new AsyncDisposableStack();
  try {
    const folder = stack.use(await tempFolder());
    await mkdir(folder.file("devices", "d1"), { recursive: true });
    const ports = new Map<Kind, number>();
    for (const kind of kinds) ports.set(kind, await lastingPort());
    await makeRings(folder, ports);
    for (const [kind, port] of ports) {
      await writeFile(folder.file(`${kind}.conf`), serverConfiguration(folder, kind, port));
      stack.use(startProgram([`swift-${kind}-server`, folder.file(`${kind}.conf`)], { env }));
    }
    const [port, memory] = [await lastingPort(), await lastingPort()];
    const isRoot = process.getuid?.() === 0;
    const as = isRoot ? ["-u", "nobody"] : [];
    stack.use(startProgram(["memcached", "-l", "127.0.0.1", "-p", String(memory), ...as]));
    await writeFile(folder.file("proxy.conf"), proxyConfiguration(folder, port, memory));
    const proxy = stack.use(startProgram(["swift-proxy-server", folder.file("proxy.conf")], { env }));
    const endpoint = `http://127.0.0.1:${port}`;
    const deadline = performance.now() + startMs;
    while ((await fetch(`${endpoint}/healthcheck`).catch(() => null))?.ok !== true) {
      if (!proxy.running || performance.now() > deadline)
        throw new Error(`Swift does not answer: ${proxy.stderr}`);
      await Bun.sleep(100);
    }
    const user = { accessKeyId: "test:tester", secretAccessKey: "testing" };
    return { endpoint, user, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

async function makeRings(folder: TempFolder, ports: ReadonlyMap<Kind, number>): Promise<void> {
  const wanted = [...ports].map(([kind, port]) => `${kind}=${port}`);
  const command = ["/usr/bin/python3", "-c", ringsScript, folder.path, ...wanted];
  const { code, stdout, stderr } = await runProgram(command, { env });
  if (code !== 0) throw new Error(`Swift's rings cannot be made (${code}): ${stdout}${stderr}`);
}

function shared({ path }: TempFolder, port: number): readonly string[] {
  const user = process.env.USER ?? "root";
  return [
    "[DEFAULT]",
    "bind_ip = 127.0.0.1",
    `bind_port = ${port}`,
    "workers = 0",
    `user = ${user}`,
    `swift_dir = ${path}`,
  ];
}

function serverConfiguration(folder: TempFolder, kind: string, port: number): string {
  const own = [`devices = ${folder.file("devices")}`, "mount_check = false", "disable_fallocate = true"];
  const app = [
    "[pipeline:main]",
    `pipeline = ${kind}-server`,
    `[app:${kind}-server]`,
    `use = egg:swift#${kind}`,
  ];
  return [...shared(folder, port), ...own, ...app, ""].join("\n");
}

function proxyConfiguration(folder: TempFolder, port: number, memory: number): string {
  const filters: readonly (readonly [name: string, ...lines: string[]])[] = [
    ["catch_errors"],
    ["gatekeeper"],
    ["healthcheck"],
    ["cache", `memcache_servers = 127.0.0.1:${memory}`],
    ["listing_formats"],
    ["bulk"],
    ["s3api"],
    ["tempauth", "user_test_tester = testing .admin"],
    ["slo"],
    ["dlo"],
    ["versioned_writes"],
  ];
  const sections = filters.flatMap(([name, ...lines]) => [
    `[filter:${name}]`,
    `use = egg:swift#${name === "cache" ? "memcache" : name}`,
    ...lines,
  ]);
  const app = ["[app:proxy-server]", "use = egg:swift#proxy", "account_autocreate = true"];
  const pipeline = ["[pipeline:main]", `pipeline = ${filters.map(([name]) => name).join(" ")} proxy-server`];
  return [...shared(folder, port), ...pipeline, ...app, ...sections, ""].join("\n");
}

// The status page over a million records, while 1,000 uploads are under way; and what ten pages that are open take from an upload.
// `bun bench/bench.ts --page`.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { browserMissing, openBrowser } from "../test/support/browser.ts";
import { startUploads } from "../test/support/crowd.ts";
import { type Lab, openLab } from "../test/support/lab.ts";
import { treeCpuSeconds } from "../test/support/process-tree.ts";
import { referenceMissing } from "../test/support/reference.ts";
import { tempFolder } from "../test/support/temp-folder.ts";
import { fillCatalogue } from "./filled-catalogue.ts";
import { align, median, range } from "./table.ts";

const records = 1_000_000;
const crowd = { bytes: 10 * 1024, atOnce: 1000, count: 1_000_000 };
const pages = 10;
const MB = 1_000_000;
const fileBytes = 1000 * MB;

/** What a page asks for when it is opened, and what is searched there. */
const questions: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["the newest", {}],
  ["of a user", { user: "user7" }],
  ["of a user who has none", { user: "nobody" }],
  ["that failed", { states: ["failed"] }],
  ["that are being received", { states: ["receiving"] }],
  ["of a day", { since: "2026-03-01T00:00:00.000Z", until: "2026-03-02T00:00:00.000Z" }],
  ["by name", { name: "*sample_99999*" }],
  ["by an expression that fits none", { name: "/^nowhere/" }],
  ["by a value", { fields: [{ path: "project", value: "P0042" }] }],
  ["by a value that none has", { fields: [{ path: "project", value: "nowhere" }] }],
];

/** Whoever is signed in at the page. */
interface Reader {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns the lines of two tables. */
export async function pageLines(
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  if (referenceMissing !== null) return [`the page: skipped: ${referenceMissing}`];
  await using folder = await tempFolder();
  progress(`${records} uploads into a catalogue`);
  await fillCatalogue(folder.path, records);
  const limits = ["--max-uploads", "2000", "--uploads-per-user", "2000", "--max-unfinished", "5000"];
  await using lab = await openLab({ data: folder.path, server: ["--http", "127.0.0.1:0", ...limits] });
  const reader = await signIn(lab);
  const quiet = await askAll(reader, rounds, progress);
  const busy = await beside(lab, "asked", () => askAll(reader, rounds, progress));
  const rows = questions.map(([what], at) => [
    what,
    ...[quiet[at], busy[at]].flatMap((times = []) => [median(times).toFixed(0), range(times, 0)]),
    "",
  ]);
  const head = [`list of ${records} uploads`, "ms", "min..max", "ms, 1,000 under way", "min..max", ""];
  const drawn = await drawnLines(lab, rounds, progress);
  return [
    ...align([head, ...rows]),
    "",
    ...drawn,
    "",
    ...(await throughputLines(lab, reader, rounds, progress)),
  ];
}

async function signIn(lab: Lab): Promise<Reader> {
  const link = new URL(
    (await lab.dyncServer(["web", "link", "--role", "viewer", "--name", "bench"])).stdout.trim(),
  );
  const secret = link.hash.replace("#sign-in=", "");
  const answer = await fetch(`${link.origin}/api/sign-in`, {
    method: "POST",
    body: JSON.stringify({ secret }),
  });
  const { proof } = (await answer.json()) as { readonly proof: string };
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  return { origin: link.origin, headers: { cookie, "x-dync-proof": proof } };
}

/** Milliseconds for each question, in each round. */
async function askAll(
  { origin, headers }: Reader,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly (readonly number[])[]> {
  const times = questions.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    progress(`questions, round ${round} of ${rounds}`);
    for (const [at, [what, query]] of questions.entries()) {
      const body = JSON.stringify({ command: "uploads list", arguments: listArguments(query) });
      const begin = performance.now();
      const answer = await fetch(`${origin}/api/call`, { method: "POST", headers, body });
      const { lines } = (await answer.json()) as { readonly lines?: readonly unknown[] };
      if (!answer.ok || lines === undefined) throw new Error(`${what}: ${answer.status}`);
      if (round > 0) times[at]?.push(performance.now() - begin);
    }
  }
  return times;
}

const listArguments = (query: Readonly<Record<string, unknown>>) => ({ query, limit: 100 });

/** Runs `work` while 1,000 small uploads are under way at any time, whose names begin with `prefix`. */
async function beside<T>(lab: Lab, prefix: string, work: () => Promise<T>): Promise<T> {
  await using uploads = startUploads(lab, { ...crowd, prefix });
  await uploads.line(/^Uploaded 1000$/, 120_000);
  return await work();
}

/**
 * From opening the list of uploads to its first line on the screen, in a real browser that knows the page; and how much of that had passed
 * when the server's part was over: when the list had come.
 */
async function drawnLines(
  lab: Lab,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  if (browserMissing !== null) return [`drawn: skipped: ${browserMissing}`];
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const { stdout } = await lab.dyncServer(["web", "link", "--role", "viewer", "--name", "drawn"]);
    await page.goto(stdout.trim());
    await page.getByText("drawn, viewer").waitFor();
    const { origin } = new URL(page.url());
    const draw = async (): Promise<Drawn> => {
      await page.goto("about:blank");
      const begin = performance.now();
      await page.goto(`${origin}/#uploads`);
      await page
        .getByRole("link", { name: /\.raw$/ })
        .first()
        .waitFor();
      const drawn = performance.now() - begin;
      const came = await page.evaluate(
        `performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/api/call")).responseEnd`,
      );
      return { came: Number(came), drawn };
    };
    const drawAll = async (): Promise<readonly Drawn[]> => {
      const all: Drawn[] = [];
      for (let round = 0; round <= rounds; round++) {
        progress(`drawing, round ${round} of ${rounds}`);
        const one = await draw();
        if (round > 0) all.push(one);
      }
      return all;
    };
    const [quiet, busy] = [await drawAll(), await beside(lab, "drawn", drawAll)];
    return align([
      ["the page with that list", "ms", "min..max", "ms, 1,000 under way", "min..max", ""],
      ...(["came", "drawn"] as const).map((what) => {
        const figures = [quiet, busy].flatMap((all) => {
          const times = all.map((it) => it[what]);
          return [median(times).toFixed(0), range(times, 0)];
        });
        return [what === "came" ? "the list had come" : "opened and drawn", ...figures, ""];
      }),
    ]);
  } finally {
    await browser.close();
  }
}

/** Milliseconds since the page was opened. */
interface Drawn {
  readonly came: number;
  readonly drawn: number;
}

/** One file of 1 GB, by turns with no page open and with ten. */
async function throughputLines(
  lab: Lab,
  reader: Reader,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  const file = await lab.file("large.bin", fileBytes);
  const runs = { none: [] as Sent[], ten: [] as Sent[] };
  for (let round = 0; round <= rounds; round++) {
    progress(`1 GB with and without pages, round ${round} of ${rounds}`);
    // By turns the one and the other is first.
    for (const way of round % 2 === 0 ? (["none", "ten"] as const) : (["ten", "none"] as const)) {
      const sent = await sendBeside(lab, reader, file, {
        open: way === "ten" ? pages : 0,
        name: `${way}-${round}`,
      });
      if (round > 0) runs[way].push(sent);
    }
  }
  const ratios = runs.ten.map(({ rate }, at) => rate / (runs.none[at]?.rate ?? Number.NaN));
  const row = (name: string, all: readonly Sent[]) => {
    const [rates, cpus] = [all.map(({ rate }) => rate), all.map(({ cpuSeconds }) => cpuSeconds)];
    return [name, median(rates).toFixed(0), range(rates, 0), median(cpus).toFixed(2), range(cpus, 2), ""];
  };
  return [
    ...align([
      ["1 GB to the disk", "MB/s", "min..max", "server CPU s", "min..max", ""],
      row("no page open", runs.none),
      row(`${pages} pages open`, runs.ten),
    ]),
    `pages open against none, by pairs: ${median(ratios).toFixed(3)} [${range(ratios, 3)}]`,
  ];
}

interface Sent {
  /** MB a second. */
  readonly rate: number;
  readonly cpuSeconds: number;
}

async function sendBeside(
  lab: Lab,
  { origin, headers }: Reader,
  file: string,
  { open, name }: { readonly open: number; readonly name: string },
): Promise<Sent> {
  const stop = new AbortController();
  const streams = Array.from({ length: open }, async () => {
    const answer = await fetch(`${origin}/api/events`, { headers, signal: stop.signal });
    for await (const _ of answer.body ?? []) if (stop.signal.aborted) return;
  });
  const settled = Promise.allSettled(streams);
  const cpuBefore = treeCpuSeconds(lab.server.pid);
  const begin = performance.now();
  const { code, stderr } = await lab.send(["-q", "-n", `${name}.bin`, file], {}, 600_000);
  const seconds = (performance.now() - begin) / 1000;
  if (code !== 0) throw new Error(`The upload ended with ${code}: ${stderr}`);
  const cpuSeconds = treeCpuSeconds(lab.server.pid) - cpuBefore;
  stop.abort();
  await settled;
  await rm(join(lab.data, "alice", `${name}.bin`));
  return { rate: fileBytes / MB / seconds, cpuSeconds };
}

// The status page in a real browser, on the compiled programs: what a viewer sees, what a steward does, and what neither a viewer nor
// a page of another origin can do.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page, Response } from "playwright-core";
import { axeFaults, browserMissing, openBrowser } from "../support/browser.ts";
import { type Crowd, crowd, hostile, longUser } from "../support/crowded-lab.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

const missing = executablesMissing ?? browserMissing;
const sizes = [
  { width: 360, height: 740 },
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];
const views = ["now", "uploads", "users", "instruments", "keys", "hooks", "refusals", "charts"];

function titleOf(view: string): string {
  return `${view[0]?.toUpperCase()}${view.slice(1).replace(/\?.*/, "")}`;
}

describe.skipIf(missing !== null)(`the status page (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  let browser: Browser;
  let origin: string;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true, server: ["--http", "127.0.0.1:0"] });
    const line = await lab.server.line(/"message":\s*"Answering over HTTP"/);
    origin = `http://127.0.0.1:${(JSON.parse(line.input ?? "") as { port: number }).port}`;
    browser = await openBrowser();
    for (const sample of [17, 18]) {
      const metadata = ["-k", `sample:S-${sample}`, "-k", `note:${hostile}`];
      const path = await lab.file(`run-${sample}.raw`, 1000 * sample);
      const sent = await lab.dync(["send", "-q", ...metadata, `127.0.0.1:${lab.port}`, path]);
      expect(sent).toMatchObject({ code: 0 });
    }
  });
  // A page that stays open draws whatever the server tells from then on.
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
  let crowding: Promise<Crowd> | null = null;
  /** Something of everything is there to be seen. */
  const crowded = (): Promise<Crowd> => {
    crowding ??= crowd(lab);
    return crowding;
  };
  afterAll(async () => {
    await (await crowding)?.[Symbol.asyncDispose]();
    await browser?.close();
    await lab[Symbol.asyncDispose]();
  });

  async function link(role: string): Promise<string> {
    const made = await lab.dyncServer(["web", "link", "--role", role, "--name", `test ${role}`]);
    expect(made).toMatchObject({ code: 0 });
    return made.stdout.trim();
  }

  /** A browser of its own, signed in. */
  async function signedIn(role: "viewer" | "steward"): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    await page.goto(await link(role));
    await page.getByText(`test ${role}, ${role}`).waitFor();
    return page;
  }

  /** Waits until the server has told so often what happens now. */
  async function told(page: Page, times: number): Promise<void> {
    await page.evaluate(
      `new Promise((resolve) => {
        const events = new EventSource("api/events");
        let left = ${times};
        events.addEventListener("state", () => { if (--left === 0) { events.close(); resolve(); } });
      })`,
    );
  }

  /** Opens a view that has this title, and waits until all that it asks for is there. */
  async function show(page: Page, view: string, title = titleOf(view)): Promise<void> {
    await page.goto(`${origin}/#${view}`);
    // Until then it is the view of before.
    await page.getByRole("heading", { name: title, exact: true, level: 1 }).waitFor();
    await page
      .getByText(/^(Looking|Waiting for the server) …$/)
      .first()
      .waitFor({ state: "detached" });
  }

  test("lets nobody in without a link, and by each link one", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(origin);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    // Nothing is handed out here.
    expect(await page.getByRole("link").count()).toBe(0);
    const used = await link("viewer");
    await page.goto(used);
    // It is another page for the browser only where more than the part behind "#" is another.
    await page.getByText("test viewer, viewer").waitFor();
    expect(new URL(page.url()).hash).toBe("#now");
    const other = await (await browser.newContext()).newPage();
    await other.goto(used);
    await other.getByText("This link is not good any more").waitFor();
  });

  test("shows an upload while it comes", async () => {
    const page = await signedIn("viewer");
    await using upload = lab.startSend(["-q", "--limit", "1MB/s", await lab.file("slow.raw", 60_000_000)]);
    await page.getByRole("link", { name: "slow.raw" }).waitFor();
    const bar = page.getByRole("progressbar", { name: "slow.raw" });
    await bar.waitFor();
    const first = await bar.getAttribute("value");
    await page.locator(`progress[aria-label="slow.raw"]:not([value="${first}"])`).waitFor();
    expect(Number(await bar.getAttribute("value"))).toBeGreaterThan(Number(first));
    await upload.kill();
  });

  /** Sends what the test writes, as a user of its own. */
  async function stream(user: string, name: string) {
    const env = { DYNC_HOME: await lab.user(user) };
    const program = lab.startSend(["-q", "-n", name], { env, stdin: "pipe" });
    await lab.server.line(new RegExp(`"Upload started".*"${name}"`));
    const input = program.child.stdin as unknown as Bun.FileSink;
    return { program, input };
  }

  test("shows one upload as it goes on, and moves neither the focus nor what is typed", async () => {
    const failing = '[[hooks]]\nname = "index"\nevent = "after"\ncommand = ["/bin/false"]\n';
    expect(await lab.configure(failing)).toMatchObject({ code: 0 });
    const { program, input } = await stream("lia", "live.raw");
    await using _ = program;
    const page = await signedIn("steward");
    await page.getByRole("link", { name: "live.raw" }).click();
    await page.getByRole("heading", { name: "live.raw" }).waitFor();
    const metadata = page.getByRole("textbox", { name: /They can be put right once it is stored/i });
    await metadata.focus();
    const arrived = page.locator('dt:text-is("Arrived") + dd');
    for (let before = "0 bytes", times = 0; times < 2; times++) {
      // The last chunk stays with its client, which cannot know that it is not.
      input.write(new Uint8Array(5 * 1024 * 1024));
      await input.flush();
      await arrived.filter({ hasNotText: before }).waitFor();
      before = (await arrived.textContent()) ?? "";
    }
    await page.locator('dt:text-is("Rate") + dd').waitFor();
    await input.end();
    expect(await program.ended()).toMatchObject({ code: 0 });
    await page.getByText(`Stored as ${lab.stored("live.raw", "lia")}`).waitFor();
    await page.getByRole("button", { name: "Read it again from the disk" }).waitFor();
    const box = page.getByRole("textbox", { name: "These are what is stored beside it" });
    await page.keyboard.press("Control+A");
    await page.keyboard.type("typed");
    // Until the hook is told, more may become of it: it is asked for again.
    await page.getByText(/The hook "index" is to be told since then: failed/).waitFor();
    const isAsked = (it: Response) => it.request().postData()?.includes("uploads show") === true;
    for (let times = 0; times < 2; times++) await page.waitForResponse(isAsked);
    await page.getByText(/The hook "index" is to be told since then: failed \d+ times/).waitFor();
    expect(await box.inputValue()).toBe("typed");
    expect(await box.evaluate((it) => it.ownerDocument.activeElement === it)).toBe(true);
    expect(await lab.configure("")).toMatchObject({ code: 0 });
  });

  test("tells of users who is there, by which keys, and until when", async () => {
    const { program, input } = await stream("uma", "of-uma.raw");
    await using _ = program;
    const home = lab.folder.file("key-of-vic");
    await mkdir(home);
    expect(await lab.dync(["keygen"], { env: { DYNC_HOME: home } })).toMatchObject({ code: 0 });
    const until = new Date(Date.now() + 5 * 86_400_000).toISOString();
    const added = ["clients", "add", join(home, "client.key"), "--user", "vic", "--expires", until];
    expect(await lab.dyncServer(added)).toMatchObject({ code: 0 });
    const page = await signedIn("viewer");
    await show(page, "users");
    const cell = (user: string, name: string) =>
      page.getByRole("row").filter({ hasText: user }).locator(`td[data-name="${name}"]`);
    expect(await cell("uma", "Running").textContent()).toBe("1");
    expect(await cell("uma", "Last sign of life").textContent()).toMatch(/just now|\d+ (s|min) ago/);
    expect(await cell("uma", "Keys").textContent()).toMatch(/^SHA256:\S{43} for ever$/);
    expect(await cell("vic", "Running").textContent()).toBe("0");
    expect(await cell("vic", "Last sign of life").textContent()).toBe("never");
    expect(await cell("vic", "Keys").textContent()).toMatch(/^SHA256:\S{43} until .*20\d\d/);
    await input.end();
    expect(await program.ended()).toMatchObject({ code: 0 });
    // Without having been opened anew.
    await cell("uma", "Running").getByText("0", { exact: true }).waitFor();
  });

  test("lists, searches, and tells all about an upload, with what anybody made up as text", async () => {
    const page = await signedIn("viewer");
    await page.getByRole("link", { name: "Uploads" }).click();
    await page.getByRole("link", { name: "run-17.raw" }).waitFor();
    await page.getByLabel("Name").fill("*18*");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("link", { name: "run-17.raw" }).waitFor({ state: "detached" });
    await page.getByLabel("Name").fill("");
    await page.getByLabel("Metadata").fill("sample=S-17");
    // What is typed stays while the page tells what happens.
    await told(page, 2);
    expect(await page.getByLabel("Metadata").inputValue()).toBe("sample=S-17");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("link", { name: "run-18.raw" }).waitFor({ state: "detached" });
    await page.goBack();
    await page.getByRole("link", { name: "run-18.raw" }).waitFor();
    expect(await page.getByLabel("Metadata").inputValue()).toBe("");
    await page.goForward();
    await page.getByRole("link", { name: "run-17.raw" }).click();
    await page.getByRole("heading", { name: "run-17.raw" }).waitFor();
    const story = await page.locator("ol.story li").allTextContents();
    expect(story[0]).toMatch(/Taken in from the key SHA256:.*, sent by dync /);
    expect(story.some((it) => it.endsWith(`Stored as ${lab.stored("run-17.raw")}`))).toBe(true);
    expect(await axeFaults(page)).toEqual([]);
    const metadata = await page.getByLabel("Metadata").textContent();
    // What would turn the direction of what stands behind it is written as JSON may write it.
    expect(metadata).toContain(JSON.stringify(hostile).slice(1, -1).replace("\u202e", "\\u202e"));
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).toStartWith("run-17.raw");
  });

  test("shows instruments, what is wrong first, to a viewer", async () => {
    const folder = lab.folder.file("files", "watched");
    await mkdir(folder);
    for (const label of ["lcms-3", hostile]) {
      const watch = ["watch", "--once", "-q", "--settle", "1s", "--label", label, "--no-notices"];
      expect(await lab.dync([...watch, `127.0.0.1:${lab.port}`, folder])).toMatchObject({ code: 0 });
    }
    const page = await signedIn("viewer");
    await page.getByRole("link", { name: "Instruments" }).click();
    const row = page.getByRole("row").filter({ hasText: "lcms-3" });
    await row.getByText("stopped", { exact: true }).waitFor();
    const text = (await row.textContent()) ?? "";
    for (const part of ["alice", "none", "right", "dync "]) expect(text).toContain(part);
    expect(text).toMatch(/just now|\d+ (s|min) ago/);
    expect(await page.locator("img").count()).toBe(0);
  });

  test("says what an upload waits for, what is wrong, and all about a user", async () => {
    const gate = lab.folder.file("gate");
    const hook = lab.folder.file("slow-hook");
    writeFileSync(hook, `#!/bin/sh\nwhile [ ! -e '${gate}' ]; do sleep 0.1; done\n`, { mode: 0o755 });
    const configured = await lab.configure(
      [
        ...["[groups]", 'ms = ["al*"]', "[[limits]]", 'name = "ms"', 'groups = ["ms"]', 'quota = "1GiB"'],
        ...["[[hooks]]", 'name = "slow"', 'event = "before"', `command = ["${hook}"]`, 'timeout = "5m"'],
        ...["[[alarms]]", 'name = "space"', 'when = "disk-full"', 'free = "8000TiB"'],
      ].join("\n"),
    );
    expect(configured).toMatchObject({ code: 0 });
    const page = await signedIn("viewer");
    await using upload = lab.startSend(["-q", await lab.file("asked.raw", 100)]);
    await page.getByText("a hook that is asked").waitFor();
    writeFileSync(gate, "");
    expect(await upload.ended()).toMatchObject({ code: 0 });
    const alarm = page.getByRole("row").filter({ hasText: "space" });
    await alarm.getByText(/The disk of the data folder has .* free, wanted are/).waitFor();
    await page.getByRole("link", { name: "Users" }).click();
    await page.getByRole("link", { name: "alice" }).click();
    await page.getByRole("heading", { name: "alice" }).waitFor();
    await page.getByRole("cell", { name: "alice.key" }).waitFor();
    const facts = (await page.locator("dl.facts").textContent()) ?? "";
    for (const part of ["Groupsms", " of 1.1 GB", "normal"]) expect(facts).toContain(part);
    expect(facts).toMatch(/Last sign of life(just now|\d+ (s|min) ago)/);
    expect(await lab.configure("")).toMatchObject({ code: 0 });
  });

  test("a steward lets a key in, and what waited for it is sent", async () => {
    const home = lab.folder.file("new-pc");
    await mkdir(home);
    const asNew = { env: { DYNC_HOME: home } };
    expect(await lab.dync(["keygen"], asNew)).toMatchObject({ code: 0 });
    const trusted = await lab.dync(
      ["trust", `127.0.0.1:${lab.port}`, join(lab.homes.server, "server.key")],
      asNew,
    );
    expect(trusted).toMatchObject({ code: 0 });
    await using upload = lab.startSend(["-q", "--retry-for", "5m", await lab.file("waits.raw", 100)], asNew);
    await lab.server.line(/"Key refused"/);
    const page = await signedIn("steward");
    await show(page, "keys");
    await page.getByLabel("As user").fill("nova");
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("The key is let in as nova").waitFor();
    const end = await upload.ended();
    // A refused key ends a command at once: then the same command succeeds from now on.
    if (end.code !== 0)
      expect(await lab.send(["-q", await lab.file("waits.raw", 100)], asNew)).toMatchObject({ code: 0 });
    await show(page, "users");
    await page.getByRole("link", { name: "nova" }).waitFor();
    const audit = await lab.dyncServer(["audit", "show", "--event", "command", "--data", lab.data]);
    expect(audit.stdout).toContain("clients approve");
    expect(audit.stdout).not.toContain(await link("viewer").then((it) => it.split("=")[1] ?? "?"));
  });

  test("a steward verifies, and puts metadata right", async () => {
    const page = await signedIn("steward");
    await show(page, "uploads?name=run-18*");
    await page.getByRole("link", { name: "run-18.raw" }).click();
    await page.getByRole("button", { name: "Read it again from the disk" }).click();
    await page.getByText("run-18.raw is on the disk as it was stored").waitFor();
    await page.getByRole("textbox").fill('{"sample":"S-18b","id":12345678901234567890}');
    await page.getByRole("button", { name: "Store these metadata" }).click();
    await page.getByText("The metadata are stored").waitFor();
    expect(readFileSync(`${lab.stored("run-18.raw")}.meta.json`, "utf8")).toContain("12345678901234567890");
  });

  test("a viewer finds nothing to act with, and cannot act without the page either", async () => {
    const page = await signedIn("viewer");
    for (const view of ["keys", "hooks"]) {
      await show(page, view);
      expect(await page.locator("main button").count()).toBe(0);
    }
    const status = await page.evaluate(async () => {
      const session = (await (await fetch("api/session")).json()) as { proof: string };
      const sent = { command: "reload", arguments: {} };
      const headers = { "x-dync-proof": session.proof };
      return (await fetch("api/call", { method: "POST", headers, body: JSON.stringify(sent) })).status;
    });
    expect(status).toBe(403);
  });

  test("a page of another origin cannot act, with the cookie of a steward", async () => {
    const page = await signedIn("steward");
    const { hostname, port } = new URL(origin);
    using evil = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0 },
      fetch: () =>
        new Response(
          `<form method="post" enctype="text/plain" action="http://${hostname}:${port}/api/call">
            <input name='{"command":"reload","x":"' value='"}'></form>`,
          { headers: { "content-type": "text/html" } },
        ),
    });
    await page.goto(`http://127.0.0.1:${evil.port}/`);
    const answered = page.waitForResponse((it) => it.url().endsWith("/api/call"));
    await page.evaluate("document.forms[0].submit()");
    expect([401, 403]).toContain((await answered).status());
  });

  test.each(sizes)("is well at $width × $height: every view, by day and by night", async (viewport) => {
    const page = await signedIn("steward");
    await page.setViewportSize(viewport);
    const folder = process.env.DYNC_TEST_SCREENSHOTS;
    const { stored, held, running } = await crowded();
    const shown: readonly (readonly [view: string, title: string])[] = [
      ...views.map((view) => [view, titleOf(view)] as const),
      ...[longUser, "alice"].map((user) => [`user?user=${user}`, user] as const),
      ...[stored, held, running].map(({ id, name }) => [`upload/${id}`, name] as const),
    ];
    const faults: string[] = [];
    // Colours are the same at each size.
    for (const colorScheme of viewport.width === 1280 || folder
      ? (["light", "dark"] as const)
      : ["light" as const]) {
      await page.emulateMedia({ colorScheme });
      for (const [view, title] of shown) {
        await show(page, view, title);
        faults.push(...(await axeFaults(page)).map((fault) => `${view}: ${fault}`));
        const wider = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
        if (wider > 0) faults.push(`${view}: ${wider} px wider than the screen`);
        const path = `${view.replace(/\W/g, "-")}-${viewport.width}-${colorScheme}.png`;
        if (folder) await page.screenshot({ path: join(folder, path), fullPage: true });
      }
    }
    expect(faults).toEqual([]);
  });

  test("tells nothing more to who signed out", async () => {
    const page = await signedIn("viewer");
    // The page closes it, or the server was faster.
    const isOfEvents = (request: { url(): string }) => request.url().endsWith("/api/events");
    const ended = Promise.any([
      page.waitForEvent("requestfailed", isOfEvents),
      page.waitForEvent("requestfinished", isOfEvents),
    ]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await ended;
    expect(await page.evaluate("fetch('api/session').then(({ status }) => status)")).toBe(401);
  });

  test("asks for no file of its own that it has, when it is opened again", async () => {
    const page = await signedIn("viewer");
    await page.goto("about:blank");
    await show(page, "now");
    await page.getByText("Open uploads").waitFor();
    const sent = await page.evaluate(
      `performance.getEntriesByType("resource").filter(({ name }) => name.includes("/files/")).map(({ transferSize }) => transferSize)`,
    );
    expect((sent as number[]).length).toBeGreaterThan(10);
    expect(new Set(sent as number[])).toEqual(new Set([0]));
  });

  test("asks again for what happens when it is told to, and shows no fault meanwhile", async () => {
    const page = await signedIn("viewer");
    let asked = 0;
    let faults = 0;
    const isAskedAgain = new Promise<void>((resolve) => {
      void page.route("**/api/events", async (route) => {
        if (++asked > 1) {
          faults = await page.getByText("The server does not answer").count();
          resolve();
          return await route.continue();
        }
        await route.fulfill({ contentType: "text/event-stream", body: "event: again\ndata:\n\n" });
      });
    });
    await page.goto("about:blank");
    await show(page, "now");
    await isAskedAgain;
    await page.getByText("Open uploads").waitFor();
    expect({ asked, faults }).toEqual({ asked: 2, faults: 0 });
  });

  test("draws what was, in columns that are on the chart", async () => {
    const page = await signedIn("viewer");
    await show(page, "charts");
    await page.getByRole("button", { name: "The last hour" }).click();
    await page.getByRole("button", { name: "The last hour", pressed: true }).waitFor();
    await page.getByRole("img", { name: "in steps of 10 s" }).nth(3).waitFor();
    const paths = await page
      .locator("figure path")
      .evaluateAll((all) => all.map((it) => it.getAttribute("d")));
    expect(paths).toHaveLength(4);
    for (const path of paths) expect(path).toMatch(/^(M[\d.]+ 160V[\d.]+H[\d.]+V160Z)+$/);
    await page.getByText("Free on the disk, as a table").click();
    await page
      .getByRole("cell", { name: /[GT]B$/ })
      .first()
      .waitFor();
  });

  test("axe would find a fault", async () => {
    const page = await signedIn("viewer");
    await page.evaluate('document.querySelector("main").append(document.createElement("input"))');
    expect((await axeFaults(page)).join()).toContain("label: <input>");
  });

  test("is used by keyboard alone", async () => {
    const page = await signedIn("viewer");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    for (let step = 0; step < 2; step++) await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Uploads");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Uploads" }).waitFor();
    // Not by `waitForFunction`: what it asks a second time the policy of the page refuses.
    await page.locator("h1:focus").waitFor();
  });
});

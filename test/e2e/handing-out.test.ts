// From a new computer to the first stored file, with the compiled programs and a real browser: a server that hands out its client over
// TLS, the line on its page in an empty home, the key approved on the status page, the upload.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { findReleaseTarget } from "../../build/targets.ts";
import { hostTarget } from "../../src/transport/zmq/target.ts";
import { plainTools } from "../install/fixture.ts";
import { axeFaults, browserMissing, openBrowser } from "../support/browser.ts";
import { certificateMissing, makeCertificate } from "../support/certificate.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const target = findReleaseTarget(hostTarget());
const isUnix = process.platform === "linux" || process.platform === "darwin";
const missing =
  executablesMissing ??
  browserMissing ??
  certificateMissing ??
  (target === undefined || !isUnix || Bun.which("curl") === null
    ? "no curl, or no release for this system"
    : null);
const project = join(import.meta.dir, "../..");
// A first release on a machine builds libzmq.
const releaseMs = 290_000;
const sizes = [
  { width: 360, height: 740 },
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];

describe.skipIf(missing !== null)(`handing out the client (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  let folder: TempFolder;
  let browser: Browser;
  let origin: string;
  let certificate: string;
  let release: string;

  beforeAll(async () => {
    folder = await tempFolder();
    release = folder.file("release");
    const build = [process.execPath, "build/release.ts", "--no-packages", "--to", release, target as string];
    expect(await runProgram(build, { cwd: project }, releaseMs)).toMatchObject({ code: 0 });
    certificate = folder.file("c.pem");
    makeCertificate(certificate, folder.file("k.pem"));
    const tls = ["--http-certificate", certificate, "--http-key", folder.file("k.pem")];
    lab = await openLab({
      inMemory: true,
      server: ["--http", "127.0.0.1:0", ...tls, "--downloads", release],
    });
    const line = await lab.server.line(/"message":\s*"Answering over HTTP"/);
    origin = `https://localhost:${(JSON.parse(line.input ?? "") as { port: number }).port}`;
    browser = await openBrowser();
  }, releaseMs);
  afterAll(async () => {
    await browser?.close();
    await lab?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** A browser of its own, that takes this certificate as one whose authority it knows. */
  async function newPage(): Promise<Page> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    return await context.newPage();
  }

  /** An empty home, with the variables of a terminal in it. */
  function newComputer(name: string) {
    const home = lab.folder.file(name);
    mkdirSync(home);
    const env = {
      HOME: home,
      SHELL: "/bin/bash",
      DYNC_HOME: "",
      DYNC_BASE_URL: "",
      CURL_CA_BUNDLE: certificate,
    };
    return { home, run: async (line: string) => await runProgram(["sh", "-c", line], { cwd: home, env }) };
  }

  async function steward(): Promise<Page> {
    const made = await lab.dyncServer(["web", "link", "--role", "steward", "--name", "meyer"]);
    expect(made).toMatchObject({ code: 0 });
    const page = await newPage();
    await page.goto(made.stdout.trim());
    await page.getByText("meyer, steward").waitFor();
    return page;
  }

  test("from a new computer to the first stored file, in less than two minutes", async () => {
    const begun = performance.now();
    const page = await newPage();
    await page.goto(origin);
    await page.getByRole("link", { name: "install dync" }).click();
    await page.getByRole("button", { name: "Copy: Command for Linux and macOS" }).click();
    await page.getByText("Copied").waitFor();
    const line = String(await page.evaluate("navigator.clipboard.readText()"));
    expect(line).toBe(`curl -fsSL ${origin}/install.sh | sh`);

    const computer = newComputer("new-pc");
    const installed = await computer.run(line);
    expect({ code: installed.code, stderr: installed.stderr }).toEqual({ code: 0, stderr: "" });
    const [, fingerprint = "none"] = /^Your fingerprint: {2}(SHA256:\S{43})$/m.exec(installed.stdout) ?? [];
    const key = readFileSync(join(computer.home, `.dync/servers/localhost_${lab.port}.key`), "utf8");
    const [, own = "none"] =
      /public-key = "(.*)"/.exec(readFileSync(join(lab.homes.server, "server.key"), "utf8")) ?? [];
    expect(key).toContain(own);

    const desk = await steward();
    await desk.goto(`${new URL(desk.url()).origin}/#keys`);
    await desk.getByRole("link", { name: "Install", exact: true }).waitFor();
    await desk.getByRole("cell", { name: fingerprint }).waitFor();
    await desk.getByLabel("As user").fill("nova");
    await desk.getByRole("button", { name: "Approve" }).click();
    await desk.getByText("The key is let in as nova").waitFor();

    writeFileSync(join(computer.home, "run.raw"), "measured");
    const [, send = "false"] = /^ {4}(\S*dync -k .*) FILE$/m.exec(installed.stdout) ?? [];
    expect(await computer.run(`${send} run.raw`)).toMatchObject({ code: 0 });
    expect(readFileSync(join(lab.data, "nova", "run.raw"), "utf8")).toBe("measured");
    expect(performance.now() - begun).toBeLessThan(120_000);

    // Once more it upgrades, and is let in.
    const again = await computer.run(line);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).toContain(`The server localhost:${lab.port} lets you in as nova\n`);
  });

  test.skipIf(Bun.which("wget") === null)(
    "by wget, dash and busybox as well, on a computer without curl",
    async () => {
      for (const [name, shell] of [
        ["dash-pc", "dash"],
        ["busybox-pc", "busybox sh"],
      ] as const) {
        if (Bun.which(shell.split(" ")[0] ?? "") === null) continue;
        const computer = newComputer(name);
        const tools = join(computer.home, "tools");
        mkdirSync(tools);
        for (const tool of [...plainTools, "sha256sum", "wget", "dash", "busybox"]) {
          const path = Bun.which(tool);
          if (path !== null) symlinkSync(path, join(tools, tool));
        }
        const get = `wget -q --ca-certificate="$CURL_CA_BUNDLE" -O- ${origin}/install.sh`;
        const { code, stdout, stderr } = await computer.run(`PATH=${tools}; ${get} | ${shell}`);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        const [, fingerprint = "none"] = /^Your fingerprint: {2}(SHA256:\S{43})$/m.exec(stdout) ?? [];
        const approve = ["clients", "approve", fingerprint, "--user", name];
        expect(await lab.dyncServer(approve)).toMatchObject({ code: 0 });
        const dync = join(computer.home, ".local/bin/dync");
        expect(
          await computer.run(`echo x > first.raw && ${dync} -q -k a:b localhost:${lab.port} first.raw`),
        ).toMatchObject({ code: 0 });
        expect(existsSync(join(lab.data, name, "first.raw"))).toBe(true);
      }
    },
  );

  test("nothing else is told to who is not signed in", async () => {
    const ask = async (path: string) =>
      (await fetch(`${origin}${path}`, { tls: { ca: readFileSync(certificate, "utf8") } })).status;
    for (const path of ["/api/session", "/api/events", "/api/history"])
      expect([path, await ask(path)]).toEqual([path, 401]);
    for (const path of ["/downloads/", "/downloads/k.pem", "/downloads/..%2fk.pem", "/downloads/install.sh"])
      expect([path, await ask(path)]).toEqual([path, 404]);
  });

  test("a release that is exchanged counts from a reload on, and one that is spoilt is told", async () => {
    const [sums, old] = [join(release, "SHA256SUMS"), readFileSync(join(release, "SHA256SUMS"))];
    writeFileSync(sums, "nothing");
    const reloaded = await lab.dyncServer(["reload"]);
    expect(reloaded.stderr).toContain(`${sums} names 0 files, want 1 to 200`);
    expect(
      (await newComputer("meanwhile").run(`curl -fsSL ${origin}/install.sh | sh -s -- --client`)).code,
    ).toBe(0);
    writeFileSync(sums, old);
    expect(await lab.dyncServer(["reload"])).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining("SHA256SUMS"),
    });
  });

  test("another address that is configured counts at once, in the scripts and in links to the page", async () => {
    const text = 'public-url = "https://lab.example/dync"\npublic-address = "dync.lab.example"\n';
    expect(await lab.configure(text)).toMatchObject({ code: 0 });
    const line = await newComputer("asks").run(`curl -fsSL ${origin}/install.sh`);
    expect(line.stdout).toMatch(
      /^default_base_url='https:\/\/lab\.example\/dync\/downloads\/[0-9a-f]{16}'$/m,
    );
    expect(line.stdout).toContain(`\ndefault_server='dync.lab.example:${lab.port}'\n`);
    expect((await lab.dyncServer(["web", "link"])).stdout).toStartWith("https://lab.example/dync/#sign-in=");
    expect(await lab.configure("")).toMatchObject({ code: 0 });
  });

  test.each(sizes)("the page is well at $width × $height, by day and by night", async (viewport) => {
    const page = await newPage();
    await page.setViewportSize(viewport);
    const folder = process.env.DYNC_TEST_SCREENSHOTS;
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.goto(`${origin}/install`);
      await page.getByRole("heading", { name: "Install dync" }).waitFor();
      expect(await axeFaults(page)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth > innerWidth")).toBe(false);
      if (folder)
        await page.screenshot({
          path: join(folder, `install-${viewport.width}-${colorScheme}.png`),
          fullPage: true,
        });
    }
  });

  test("the page is used by keyboard alone, and without scripts", async () => {
    const page = await newPage();
    await page.goto(`${origin}/install`);
    const copy = page.getByRole("button", { name: "Copy: Command for Linux and macOS" });
    await copy.waitFor();
    for (let step = 0; step < 12; step++) {
      await page.keyboard.press("Tab");
      if (await copy.evaluate((it) => it === it.ownerDocument.activeElement)) break;
    }
    await page.keyboard.press("Enter");
    await page.getByText("Copied").waitFor();
    const plain = await (
      await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false })
    ).newPage();
    await plain.goto(`${origin}/install`);
    await plain.getByText(`curl -fsSL ${origin}/install.sh | sh`).waitFor();
    expect(await plain.getByRole("button").count()).toBe(0);
    await plain.getByRole("link", { name: "install.sh" }).click();
    await plain.getByText("default_server='localhost:").waitFor();
    expect(existsSync(join(release, "install.sh"))).toBe(true);
  });
});

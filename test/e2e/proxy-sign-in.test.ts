// The status page behind a proxy that signs people in, on the compiled server and in a real browser. The proxy is a small one of its own, which
// does what nginx, Apache and oauth2-proxy do: it sets the header for each request, and takes away what browsers send by that name.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import type { Browser, Page, Route } from "playwright-core";
import { axeFaults, browserMissing, openBrowser } from "../support/browser.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

const missing = executablesMissing ?? browserMissing;

/** A proxy before `port`, which knows whoever `user` gives; `null`: nobody. */
async function openProxy(port: number, user: () => string | null): Promise<Server> {
  const proxy = createServer((from, to) => {
    const { "x-remote-user": _, ...headers } = from.headers;
    const name = user();
    const known = name === null ? {} : { "x-remote-user": name };
    const onward = httpRequest(
      {
        host: "127.0.0.1",
        port,
        path: from.url,
        method: from.method,
        headers: { ...headers, ...known, host: "inside" },
      },
      (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, to, (cut) => cut && to.destroy());
      },
    );
    onward.on("error", () => to.writeHead(502).end());
    to.on("close", () => onward.destroy());
    from.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", () => resolve()));
  return proxy;
}

describe.skipIf(missing !== null)(`the status page behind a proxy (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  let browser: Browser;
  let proxy: Server;
  let port: number;
  let user: string | null = null;
  let origin: string;
  const table = (stewards: string): string =>
    `public-url = "${origin}"\n[sign-in]\nheader = "X-Remote-User"\nstewards = ["${stewards}"]\nviewers = ["v*"]\n`;

  beforeAll(async () => {
    lab = await openLab({ inMemory: true, server: ["--http", "127.0.0.1:0"] });
    const line = await lab.server.line(/"message":\s*"Answering over HTTP"/);
    ({ port } = JSON.parse(line.input ?? "") as { port: number });
    proxy = await openProxy(port, () => user);
    origin = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    browser = await openBrowser();
    expect(await lab.configure(table("anna"))).toMatchObject({ code: 0, stderr: "" });
    expect(await lab.send(["-q", await lab.file("run.raw", 1000)])).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await browser?.close();
    proxy?.closeAllConnections();
    proxy?.close();
    await lab[Symbol.asyncDispose]();
  });

  const open = async (as: string | null): Promise<Page> => {
    user = as;
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${origin}/`);
    return page;
  };

  test("lets a steward act under the name that the proxy knows, without a link", async () => {
    const page = await open("anna");
    await page.getByText("anna, steward").waitFor();
    // The proxy says where it signs out, and this one does not.
    expect(await page.getByText("Sign out").count()).toBe(0);
    await page.getByRole("link", { name: "Uploads" }).click();
    await page.getByRole("link", { name: "run.raw" }).click();
    await page.getByRole("button", { name: "Read it again from the disk" }).click();
    await page.getByRole("status").filter({ hasText: /\w/ }).waitFor();
    const audit = await lab.dyncServer(["audit", "show", "--json", "--data", lab.data]);
    expect(audit.stdout).toMatch(/"command":"uploads verify"[^\n]*"by":"anna"/);
    expect(await axeFaults(page)).toEqual([]);
  });

  test("shows a viewer all and lets him do nothing, and tells others why they see nothing", async () => {
    const page = await open("vera");
    await page.getByText("vera, viewer").waitFor();
    const stranger = await open("bert");
    await stranger.getByText("bert is no viewer and no steward here").waitFor();
    expect(await axeFaults(stranger)).toEqual([]);
    const nobody = await open(null);
    await nobody.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  test("who sends the header past the proxy is nobody, where the proxy is elsewhere", async () => {
    const elsewhere = `${table("anna")}from = ["192.0.2.7"]\n`;
    expect(await lab.configure(elsewhere)).toMatchObject({ code: 0, stderr: "" });
    const answer = await fetch(`http://127.0.0.1:${port}/api/session`, {
      headers: { "X-Remote-User": "anna" },
    });
    expect(answer.status).toBe(401);
    await lab.server.line(/came from elsewhere than a proxy, and is not believed","address":"127\.0\.0\.1"/);
    expect(await lab.configure(table("anna"))).toMatchObject({ code: 0 });
  });

  test("a page that is open is signed out when the proxy, or the configuration, knows its user no more", async () => {
    const page = await open("anna");
    await page.getByText("anna, steward").waitFor();
    expect(await lab.configure(table("carla"))).toMatchObject({ code: 0 });
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByText("You are not signed in any more").waitFor();
    expect(await lab.configure(table("anna"))).toMatchObject({ code: 0 });
    await page.reload();
    await page.getByText("anna, steward").waitFor();
  });

  test("a page that is open can act after the server started anew", async () => {
    const page = await open("anna");
    await page.getByText("anna, steward").waitFor();
    await lab.server.kill();
    await lab.start(["--http", `127.0.0.1:${port}`]);
    await page.getByText("The server does not answer").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Uploads" }).click();
    await page.getByRole("link", { name: "run.raw" }).click();
    await page.getByRole("button", { name: "Read it again from the disk" }).click();
    await page.getByRole("status").filter({ hasText: /\w/ }).waitFor();
  });

  test("what is refused for its old proof is asked again with the one that the page has by then", async () => {
    const page = await open("anna");
    await page.getByText("anna, steward").waitFor();
    await page.getByRole("link", { name: "Uploads" }).click();
    await page.getByRole("link", { name: "run.raw" }).click();
    const act = page.getByRole("button", { name: "Read it again from the disk" });
    await act.waitFor();
    const answerLate = async (route: Route): Promise<void> => {
      const answer = await route.fetch({ headers: { ...route.request().headers(), "x-dync-proof": "old" } });
      expect(answer.status()).toBe(403);
      const isBack = page.waitForResponse("**/api/session");
      await lab.server.kill();
      await lab.start(["--http", `127.0.0.1:${port}`]);
      await (await isBack).finished();
      await route.fulfill({ response: answer });
    };
    await page.route("**/api/call", answerLate, { times: 1 });
    await act.click();
    await page.getByRole("status").filter({ hasText: "is on the disk as it was stored" }).waitFor();
  });

  test("what is opened while the server is away is shown when it is back", async () => {
    const page = await open("anna");
    await page.getByText("anna, steward").waitFor();
    await lab.server.kill();
    await page.getByRole("link", { name: "Uploads" }).click();
    await page.getByText("it may be starting again, and this page tries on").waitFor();
    await lab.start(["--http", `127.0.0.1:${port}`]);
    await page.getByRole("link", { name: "run.raw" }).waitFor();
    await page.getByRole("alert").filter({ hasNotText: /\w/ }).waitFor({ state: "attached" });
  });

  test("a server that hangs is said, and what was asked of it meanwhile is shown once it answers", async () => {
    const page = await open("anna");
    await page.getByText("anna, steward").waitFor();
    lab.server.signal("SIGSTOP");
    await page.getByRole("link", { name: "Uploads" }).click();
    await page.getByText("The server does not answer").waitFor();
    lab.server.signal("SIGCONT");
    await page.getByText("The server does not answer").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "run.raw" }).waitFor();
  });
});

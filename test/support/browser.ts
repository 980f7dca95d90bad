// A real browser for tests of the status page: Debian's Chromium, driven by playwright. Nothing is downloaded.

import type { Browser, Page } from "playwright-core";
import { deadlineMsDefault } from "./programs.ts";

const path = Bun.which("chromium") ?? Bun.which("chromium-browser");

/** Why there is no browser here, for the name of a skipped test; `null` when there is one. */
export const browserMissing: string | null = path === null ? "no chromium here" : null;

export async function openBrowser(): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath: path as string,
    // The tests may run as root, in a container with little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  // Beside other tests what takes a second may take a minute.
  browser.on("context", (context) => context.setDefaultTimeout(deadlineMsDefault));
  return browser;
}

/** Faults that axe finds on the page as it is, each with where it is; none is wanted. */
export async function axeFaults(page: Page): Promise<readonly string[]> {
  const source = await Bun.file(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir)).text();
  // Past the page's own policy, which lets in no script of others.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: source });
  const tags = JSON.stringify(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
  const { result } = await session.send("Runtime.evaluate", {
    expression: `axe.run({ runOnly: { type: "tag", values: ${tags} } }).then(({ violations }) =>
      JSON.stringify(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html))))`,
    awaitPromise: true,
    returnByValue: true,
  });
  return JSON.parse(String(result.value)) as readonly string[];
}

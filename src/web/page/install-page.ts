// The page that tells how to install the client: the lines to copy, and what they do. It is complete without scripts; one adds buttons
// that copy.

import { formatSize } from "../../base/size-text.ts";
import { pageFile } from "./page-routes.ts";

export interface InstallPageParts {
  /** Where the page is, without a slash at its end. */
  readonly page: string;
  /** Where clients send to. */
  readonly server: string;
  /** Of the server's key. */
  readonly fingerprint: string;
  /** Where the files are, relative to the page. */
  readonly base: string;
  readonly files: readonly { readonly name: string; readonly size: number; readonly sha256: string }[];
  /** Whether there is an installer for PowerShell. */
  readonly hasPowerShell: boolean;
}

const clientName = /^dync-(linux|macos|windows)-([a-z0-9-]+?)(?:\.exe)?$/;
const systems = { linux: "Linux", macos: "macOS", windows: "Windows" } as const;

/** Of the page; all that is not of this file is escaped. */
export function installPage(parts: InstallPageParts): string {
  const { page, server, fingerprint } = parts;
  const offered = systemsIn(parts);
  const hasWindows = offered.some(([system]) => system === "windows");
  const hasUnix = offered.some(([system]) => system !== "windows");
  const isForWindows = hasWindows && parts.hasPowerShell;
  const windows = isForWindows
    ? `<p>In PowerShell:</p>
${command("Command for Windows", `irm ${page}/install.ps1 | iex`)}`
    : none("Windows");
  const unix = hasUnix
    ? `<p>In a terminal, for ${unixBuilds(offered)}:</p>
${command("Command for Linux and macOS", `curl -fsSL ${page}/install.sh | sh`)}
<p>Without curl: <code>wget -qO- ${escaped(page)}/install.sh | sh</code></p>`
    : none("Linux and macOS");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Install dync – dync-server</title>
<link rel="icon" href="${pageFile("icon.svg")}" type="image/svg+xml">
<link rel="stylesheet" href="${pageFile("style.css")}">
<link rel="stylesheet" href="${pageFile("install.css")}">
<script type="module" src="${pageFile("install.js")}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><strong>dync-server</strong><nav aria-label="Views"><ul><li><a href="./">Status page</a></li><li><a href="install" aria-current="page">Install</a></li></ul></nav></header>
<main id="main" class="text">
<h1 tabindex="-1">Install dync</h1>
<p>dync sends files, with their metadata, to <code>${escaped(server)}</code>. It is installed for your account alone, without administrator rights.</p>
<h2>Linux and macOS</h2>
${unix}
<h2>Windows</h2>
${windows}
<h2>What happens then</h2>
<ol>
<li>The client is downloaded from here; its checksum is compared before it runs.</li>
<li>The key of this server is saved, and a key of your own is made. Its secret half never leaves your computer.</li>
<li>The server is asked to let you in, and your fingerprint is printed. Read it to whoever looks after this server, by telephone or in person.</li>
<li>As soon as they have let you in you send the first file:</li>
</ol>
${command("Command that sends a file", `dync -k sample:S-17 ${server} FILE`)}
<p>The same line again upgrades the client, and touches no key. To look at the script first: <a href="install.sh">install.sh</a>${isForWindows ? ', <a href="install.ps1">install.ps1</a>' : ""}.</p>
<h2>This server</h2>
<dl class="facts">
<dt>Address</dt><dd><code>${escaped(server)}</code></dd>
<dt>Fingerprint of its key</dt><dd class="key">${escaped(fingerprint)}</dd>
</dl>
<h2>Files</h2>
${table(parts)}
<p>As a text: <a href="${escaped(parts.base)}/SHA256SUMS">SHA256SUMS</a></p>
</main>
</body>
</html>
`;
}

function systemsIn({ files }: InstallPageParts): readonly (readonly [keyof typeof systems, string])[] {
  return files.flatMap(({ name }) => {
    const [, system, processor] = clientName.exec(name) ?? [];
    return system === undefined ? [] : [[system as keyof typeof systems, processor ?? ""] as const];
  });
}

/** "Linux (x64, arm64) and macOS (arm64)". */
function unixBuilds(offered: ReturnType<typeof systemsIn>): string {
  const named = (["linux", "macos"] as const).flatMap((wanted) => {
    const processors = offered.filter(([system]) => system === wanted).map(([, processor]) => processor);
    return processors.length === 0 ? [] : [`${systems[wanted]} (${processors.join(", ")})`];
  });
  return escaped(named.join(" and "));
}

function none(system: string): string {
  return `<p class="none">This server offers nothing for ${system}.</p>`;
}

function command(label: string, text: string): string {
  return `<pre class="command" tabindex="0" aria-label="${label}">${escaped(text)}</pre>`;
}

function table({ files, base }: InstallPageParts): string {
  const rows = files.map(
    ({ name, size, sha256 }) =>
      `<tr><td data-name="Name"><div><a href="${escaped(`${base}/${name}`)}">${escaped(name)}</a></div></td><td class="number" data-name="Size"><div>${formatSize(size)}</div></td><td data-name="SHA-256"><div class="key">${sha256}</div></td></tr>`,
  );
  return `<table><caption>What this server gives away</caption>
<thead><tr><th scope="col">Name</th><th scope="col" class="number">Size</th><th scope="col">SHA-256</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);
}

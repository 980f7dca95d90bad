// Writes THIRD-PARTY-NOTICES.md: who made what is inside the executables, and on which terms. `bun build/notices.ts`
// writes the file; build/release.ts copies it to dist/; a test keeps it true.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Component, components } from "./components.ts";

export const noticesPath = join(import.meta.dir, "..", "THIRD-PARTY-NOTICES.md");

/** The text of the file. */
export function notices(): string {
  const all = components();
  const rows = all.map((component) => `| ${nameOf(component)} | ${component.license} | ${component.use} |`);
  const sections = all.map(
    (component) =>
      `## ${nameOf(component)}\n\n${component.source}\n\n${component.texts.map((text) => `\`\`\`\n${text}\n\`\`\`\n`).join("\n")}`,
  );
  return [
    "# Third-party notices\n",
    "The executables `dync` and `dync-server` contain the following software besides dync itself. Its sources are at the",
    "addresses below, unchanged but for Debian's patches where Debian is named, and for those in build/libzmq-patches/.\n",
    "| Component | Licence | What it is for |",
    "| --- | --- | --- |",
    ...rows,
    "",
    ...sections,
  ].join("\n");
}

function nameOf(component: Component): string {
  return component.version === null ? component.name : `${component.name} ${component.version}`;
}

if (import.meta.main) writeFileSync(noticesPath, notices());

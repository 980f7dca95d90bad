// The bill of materials of a release: CycloneDX 1.6, JSON. Called by build/release.ts. It holds no clock and no random
// number: the same release has the same bytes.

import { type Component, components } from "./components.ts";

export interface Release {
  readonly version: string;
  readonly commit: string;
  /** The released files with their SHA-256 in hex. */
  readonly files: ReadonlyMap<string, string>;
}

/** The text of the bill of materials. */
export function billOfMaterials(release: Release): string {
  const parts = components();
  const reference = `pkg:generic/dync@${release.version}`;
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": reference,
        name: "dync",
        version: release.version,
        licenses: [{ license: { id: "MIT" } }],
        purl: reference,
        properties: [{ name: "dync:commit", value: release.commit }],
        components: [...release.files].map(([name, hash]) => ({
          type: "file",
          "bom-ref": `file:${name}`,
          name,
          hashes: [{ alg: "SHA-256", content: hash }],
        })),
      },
    },
    components: parts.map(componentEntry),
    dependencies: [
      { ref: reference, dependsOn: parts.map(referenceOf) },
      ...parts.map((part) => ({ ref: referenceOf(part), dependsOn: [] })),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function componentEntry(part: Component) {
  return {
    type: part.name === "Bun" ? "platform" : "library",
    "bom-ref": referenceOf(part),
    name: part.name,
    ...(part.version === null ? {} : { version: part.version }),
    description: part.use,
    licenses: [{ expression: part.license }],
    ...(part.packageUrl === null ? {} : { purl: part.packageUrl }),
    externalReferences: [{ type: "distribution", url: part.source }],
  };
}

function referenceOf(part: Component): string {
  return part.packageUrl ?? `component:${part.name}`;
}

// The profiles that come with the program. Each is a file of its own, with its sources, in `profiles/`.

import { assert } from "../base/assert.ts";
import { type Profile, readProfile } from "./profile.ts";
import agilentD from "./profiles/agilent-d.toml" with { type: "text" };
import brukerD from "./profiles/bruker-d.toml" with { type: "text" };
import cryoemEpu from "./profiles/cryoem-epu.toml" with { type: "text" };
import elementAviti from "./profiles/element-aviti.toml" with { type: "text" };
import genericFile from "./profiles/generic-file.toml" with { type: "text" };
import genericFolder from "./profiles/generic-folder.toml" with { type: "text" };
import illumina from "./profiles/illumina.toml" with { type: "text" };
import illuminaNextseq550 from "./profiles/illumina-nextseq550.toml" with { type: "text" };
import nanopore from "./profiles/nanopore.toml" with { type: "text" };
import openbisMarker from "./profiles/openbis-marker.toml" with { type: "text" };
import pacbio from "./profiles/pacbio.toml" with { type: "text" };
import sciex from "./profiles/sciex.toml" with { type: "text" };
import thermoRaw from "./profiles/thermo-raw.toml" with { type: "text" };
import watersRaw from "./profiles/waters-raw.toml" with { type: "text" };
import zeiss from "./profiles/zeiss.toml" with { type: "text" };

const texts: Readonly<Record<string, string>> = {
  illumina,
  "illumina-nextseq550": illuminaNextseq550,
  nanopore,
  pacbio,
  "element-aviti": elementAviti,
  "thermo-raw": thermoRaw,
  "bruker-d": brukerD,
  sciex,
  "agilent-d": agilentD,
  "waters-raw": watersRaw,
  zeiss,
  "cryoem-epu": cryoemEpu,
  "openbis-marker": openbisMarker,
  "generic-file": genericFile,
  "generic-folder": genericFolder,
};

/** The names of all, in the order in which they are listed. */
export const profileNames: readonly string[] = Object.keys(texts);

/** The one that is called so, or `null`. */
export function knownProfile(name: string): Profile | null {
  if (!Object.hasOwn(texts, name)) return null;
  const reading = readProfile(name, texts[name] as string);
  assert(reading.ok, `the profile ${name} cannot be read`);
  return reading.value;
}

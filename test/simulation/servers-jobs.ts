// What clients send to several servers: files and datasets of names of their own, and in some worlds one name that several want at once, of one
// user or of different ones, with the same content or another.

import type { Source } from "../../src/client/source.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { readPathTemplate } from "../../src/rules/path-template.ts";
import { defaultTerms } from "../../src/rules/upload-rules.ts";
import type { Random } from "./random.ts";
import { usersMax } from "./simulated-keys.ts";
import { tarOfFiles } from "./tar-of-files.ts";

/** The longest content of a file that is sent, in bytes. */
const bytesMax = 40 * 256;
/** What a server stores in one request, as it fits into a part. */
const wholeBytes = 4 * 256;
/** Where what everybody may want goes, whoever sends it. */
export const sharedFolder = "shared";
const wantedName = "wanted";

export interface Job {
  readonly name: string;
  readonly user: number;
  readonly metadataText: string;
  /** What is sent. */
  readonly content: Uint8Array;
  /** What becomes of it, by its path; `null`: one file. */
  readonly members: ReadonlyMap<string, Uint8Array> | null;
  /** Whether its size is told beforehand: of what that is not, a server keeps pieces. */
  readonly isSized: boolean;
  /** Others want its name as well. */
  readonly hasRivals: boolean;
}

/** What all servers take: the name that many want goes to one place, others to the folder of their user. */
export const rulesOfServers = {
  ...defaultUserRules,
  uploads: [
    {
      name: "shared",
      terms: { ...defaultTerms, path: readPathTemplate(`${sharedFolder}/{name}`) },
      files: [{ text: wantedName, matches: (name: string) => name === wantedName }],
    },
    { name: "own", terms: defaultTerms },
  ],
};

/** Where it is published. */
export function keyOf({ user, name, hasRivals }: Job): string {
  return `${hasRivals ? sharedFolder : `user-${user}`}/${name}`;
}

/** Jobs of which none is in the way of another one. */
export function jobsOf(random: Random): readonly Job[] {
  const all = Array.from({ length: random.between(1, 8) }, (_, number) => jobOf(random, number));
  // Two of one name and user would be refused in the end.
  return [...new Map(all.map((job) => [`${job.user}/${job.name}`, job])).values()];
}

function jobOf(random: Random, number: number): Job {
  const user = random.int(usersMax);
  if (random.chance(0.7)) {
    const name = `file-${random.chance(0.2) ? 0 : number}.raw`;
    const content = bytesOf(random);
    return { ...ofName(name), user, content, members: null, isSized: random.chance(0.7) };
  }
  const members = membersOf(random, random.between(1, 4));
  const name = `run-${random.chance(0.2) ? 0 : number}`;
  return { ...ofName(name), user, content: tarOfFiles(members), members, isSized: random.chance(0.5) };
}

/** Several that want one name, in some worlds: with one of few contents, of one of few users. */
export function rivalsOf(random: Random): readonly Job[] {
  if (!random.chance(0.4)) return [];
  const contents = Array.from({ length: random.between(1, 3) }, () => {
    const members = random.chance(0.3) ? membersOf(random, random.between(1, 3)) : null;
    // What is short ends while others ask for its name.
    const content = random.chance(0.5) ? random.bytes(random.int(wholeBytes)) : bytesOf(random);
    return { members, content: members === null ? content : tarOfFiles(members) };
  });
  const users = random.chance(0.5) ? 1 : 3;
  return Array.from({ length: random.between(2, 5) }, () => {
    const { metadataText } = ofName(wantedName);
    return {
      ...ofName(wantedName),
      ...random.pick(contents),
      metadataText: random.chance(0.8) ? metadataText : '{"of":"another sample"}',
      ...{ user: random.int(users), isSized: random.chance(0.7), hasRivals: true },
    };
  });
}

function ofName(name: string) {
  return { name, metadataText: `{"of":"${name}"}`, hasRivals: false };
}

function bytesOf(random: Random): Uint8Array {
  return random.bytes(random.between(0, bytesMax));
}

function membersOf(random: Random, count: number): ReadonlyMap<string, Uint8Array> {
  return new Map(Array.from({ length: count }, (_, at) => [`part/${at}.raw`, bytesOf(random)] as const));
}

/** What a client reads it from. */
export function sourceOf({ content, isSized }: Job): Source {
  return {
    size: isSized ? content.length : null,
    canSeek: true,
    modified: null,
    mark: { kind: "file", version: { size: content.length, modified: "1", changed: "1", fileId: "1" } },
    async read(offset, into) {
      const part = content.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    verifyUnchanged: async () => {},
    close: async () => {},
  };
}

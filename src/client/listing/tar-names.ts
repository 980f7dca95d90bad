// What is wrong with the names in a tar that is to be unpacked, as far as its members show it one by one. The file is here, so all of
// them are said before anything is sent; the server, to which they come one after the other, names the first and ends it.

import { quotedText } from "../../base/cut-text.ts";
import { DyncError } from "../../base/error.ts";
import { Turns } from "../../base/turns.ts";
import { type FoundMember, TarFault } from "../../tar/member.ts";
import { bagFault, pathFault } from "../../tar/member-path.ts";
import { TarReader } from "../../tar/reader.ts";
import { type Origin, pathOf } from "../origin.ts";
import type { Source } from "../source.ts";
import { errorOf, FirstOf } from "./first-of.ts";

const readBytes = 64 * 1024;
const readsPerTurn = 16;
const shownBytesMax = 200;

/** What keeps the members of a tar from being a dataset, and from being a bag, each `null` where nothing does. */
export interface TarNames {
  readonly fault: DyncError | null;
  readonly bagFault: DyncError | null;
}

/** What the tar is called in messages. */
export function tarName(origin: Origin): string {
  const path = pathOf(origin);
  return path === null ? "the standard input" : `"${path}"`;
}

/**
 * Reads what lies between the contents of a tar; `name`: what the tar is called. Where that is no tar, or a damaged one, what was
 * found until then counts: the server says the rest. Throws as the source does, and the reason of `signal`.
 */
export async function namesInTar(
  source: Pick<Source, "read">,
  name: string,
  signal: AbortSignal,
): Promise<TarNames> {
  const judge = new Judge(name);
  const reader = new TarReader();
  const turns = new Turns(readsPerTurn, signal);
  const buffer = new Uint8Array(readBytes);
  try {
    for (let offset = 0; ; ) {
      const count = await source.read(offset, buffer);
      if (count === 0) break;
      reader.push(buffer.subarray(0, count), judge);
      const skipped = reader.contentLeft;
      reader.skipContent(skipped);
      offset += count + skipped;
      await turns.step();
    }
  } catch (error) {
    if (!(error instanceof TarFault)) throw error;
  }
  return judge.names;
}

/**
 * `source`, a tar that is to be unpacked, when its names are good: where it can be read again they are looked through. Throws
 * `DyncError` ("usage") with all that are not, and closes it; otherwise as `namesInTar`.
 */
export async function withGoodNames(source: Source, name: string, signal: AbortSignal): Promise<Source> {
  if (!source.canSeek) return source;
  try {
    const { fault, bagFault } = await namesInTar(source, name, signal);
    if (fault !== null) throw fault;
    return Object.assign(source, { bagFault: () => bagFault });
  } catch (error) {
    await source.close();
    throw error;
  }
}

class Judge {
  readonly #name: string;
  readonly #refused = new FirstOf<DyncError>();
  readonly #unfit = new FirstOf<DyncError>();
  /** What is in it need not be named as well. */
  #lastRefused = "";

  constructor(name: string) {
    this.#name = name;
  }

  member({ path, type }: FoundMember): void {
    if (type === "folder" && path === ".") return;
    if (this.#lastRefused !== "" && path.startsWith(`${this.#lastRefused}/`)) return;
    const refused = refusedPart(path);
    if (refused !== null) {
      this.#lastRefused = refused;
      this.#refuse(refused, `its path ${pathFault(refused)}`);
    } else if (type !== "file" && type !== "folder") {
      this.#refuse(path, `it is a ${type}, and a dataset has files and folders`);
    } else {
      const fault = bagFault(path);
      if (fault === null) return;
      const text = `${this.#at(path)} cannot be in a bag, which the server makes: it ${fault}`;
      this.#unfit.add(new DyncError("usage", text));
    }
  }

  #refuse(path: string, why: string): void {
    this.#refused.add(new DyncError("usage", `${this.#at(path)} cannot be sent: ${why}`));
  }

  #at(path: string): string {
    return `${quotedText(path, shownBytesMax)} in ${this.#name}`;
  }

  content(): void {}
  end(): void {}
  raw(): void {}

  get names(): TarNames {
    const common = (count: number): DyncError => {
      const hint = "rename them and make the tar anew, or leave them out of it; nothing was sent";
      return new DyncError("usage", `${count} members of ${this.#name} cannot be sent`, { hint });
    };
    return { fault: errorOf(this.#refused, common), bagFault: errorOf(this.#unfit, common) };
  }
}

/** The path, or the first folder on the way there, that no dataset may have; `null` where there is none. */
function refusedPart(path: string): string | null {
  if (pathFault(path) === null) return null;
  for (let end = path.indexOf("/", 1); end !== -1; end = path.indexOf("/", end + 1)) {
    const folder = path.slice(0, end);
    if (pathFault(folder) !== null) return folder;
  }
  return path;
}

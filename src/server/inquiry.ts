// What a client is told that only asks about an upload: what is stored under that name, else what a real one would be refused
// with, else that nothing is there. Nothing is begun or written down. A few questions of a user are looked into at once, as they cost what an upload costs to begin.

import { DyncError, errorMeanings, messageOf } from "../base/error.ts";
import { jsonDigest } from "../base/json-digest.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { ErrorInfo, PostFile } from "../protocol/wire/message.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { heldAsked, type Judgement, judge, nothingBegins } from "../rules/judge.ts";
import { destinationOf, pathOf } from "../upload/destination.ts";
import { nameFault } from "../upload/names.ts";
import type { AdmissionParts } from "./admission.ts";
import { InstrumentReports } from "./instrument-reports.ts";
import { checkFree } from "./placing.ts";
import { publishedAs } from "./publication.ts";
import { quotaRefusal, quotasOf } from "./quotas.ts";
import { posterOf, type ReceiptParts } from "./receipts.ts";
import { aboutPublished, refusalOf } from "./refusal.ts";
import { type Reader, type RereadParts, Rereads } from "./rereads.ts";
import { RulesParts } from "./rules-parts.ts";
import { StatusPace } from "./status-pace.ts";
import { type StatusAsker, statusFor, type UserStatusParts } from "./user-status.ts";

const atOnceMax = 16;
// Copies of one file, of which somebody took some away.
const lookedAtMax = 8;
// An info holds it, and what else an answer has.
const placeBytesMax = 2000;

type Accepted = Extract<Judgement, { type: "accepted" }>;

export type InquiryParts = Pick<AdmissionParts, "catalogue" | "storage" | "room" | "rulesOf" | "clock"> &
  RereadParts &
  ReceiptParts &
  UserStatusParts & {
    /** Name and version of this program. */
    readonly program: string;
  };

/** Who asks, and may have something read again. */
type Asker = Reader & StatusAsker;

export class Inquiries {
  readonly #parts: InquiryParts;
  readonly #rules: RulesParts;
  readonly #rereads: Rereads;
  readonly #pace: StatusPace;
  readonly #reports: InstrumentReports;
  /** Users whose questions are looked into. */
  readonly #users = new Map<string, Semaphore>();

  constructor(parts: InquiryParts) {
    this.#parts = parts;
    this.#rules = new RulesParts(parts.rulesOf);
    this.#rereads = new Rereads(parts);
    this.#pace = new StatusPace(parts.clock);
    this.#reports = new InstrumentReports(parts);
  }

  /** What `post`, by `asker`, is answered with. Never rejects. */
  async answer(post: PostFile, asker: Asker): Promise<Refusal> {
    const { user } = asker;
    try {
      return this.#marked(user, await this.#answer(post, asker));
    } catch (error) {
      const refusal = refusalOf(error, posterOf(user, post, this.#parts));
      if (refusal.code === errorMeanings.internal.wire)
        this.#parts.logger.log("error", "A question was not answered", { user, reason: messageOf(error) });
      return this.#marked(user, refusal);
    }
  }

  async #answer(post: PostFile, asker: Asker): Promise<Refusal> {
    // Takes long, and has places of its own.
    if (post.info.readAgain !== undefined)
      return await this.#rereads.answer(post.info.readAgain, post, asker);
    const { user } = asker;
    const { rulesFrom, state, status, after, report, client } = post.info;
    if (status !== undefined) await this.#pace.turn(user, asker.signal);
    const places = this.#users.get(user) ?? new Semaphore();
    this.#users.set(user, places);
    await places.take(atOnceMax);
    try {
      if (report !== undefined) return await this.#reports.take(user, report, client);
      if (status !== undefined) return await statusFor(status, after, asker, this.#parts);
      if (state === true) return await stateFor(user, this.#parts);
      return rulesFrom === undefined
        ? await inquire(user, post, this.#parts)
        : this.#rules.part(user, rulesFrom);
    } finally {
      places.release();
      if (places.isIdle) this.#users.delete(user);
    }
  }

  /**
   * Each answer says by which rules, as who keeps a copy of others asks for these; and that stored uploads are read again, as this is
   * asked of no server that does not say so.
   */
  #marked(user: string, { info, ...refusal }: Refusal): Refusal {
    return { ...refusal, info: { ...info, rules: this.#rules.digestOf(user), readsAgain: true } };
  }
}

/** How the server is, for who wants to know whether it could be sent to. */
async function stateFor(user: string, parts: InquiryParts): Promise<Refusal> {
  const { clock, room, catalogue, rulesOf, program: server } = parts;
  const free = await room.available(user);
  const quotas = quotasOf(user, rulesOf(user).limits);
  const left = quotas.length === 0 ? null : (await catalogue.room(quotas)).bytes;
  const info = {
    ...{ user, server, time: clock.date().toISOString(), reports: true },
    ...(free === null ? {} : { free }),
    ...(left === null ? {} : { quota: Math.max(0, left) }),
  };
  return { code: errorMeanings["unknown-upload"].wire, text: "The server is there", info };
}

async function inquire(user: string, post: PostFile, parts: InquiryParts): Promise<Refusal> {
  const judgement = judge(user, post, parts.rulesOf(user), nothingBegins(parts.clock.date()));
  const name = storedName(post);
  // Who asks without metadata, which are missing or not to be compared, wants to know of the content.
  const place = judgement.type === "accepted" ? judgement.place : null;
  if (nameFault(name, "posix") === null) await checkFree({ user, name, place }, notDurableYet, parts);
  const same = await withSameContent(user, post, parts);
  if (same !== null) return same;
  if (judgement.type === "refused") return judgement.refusal;
  if (judgement.held !== null) return heldAsked(judgement.held);
  const { limits } = parts.rulesOf(user);
  const [size, quotas] = [judgement.post.info.size ?? 0, quotasOf(user, limits)];
  const room = quotas.length === 0 ? null : await parts.catalogue.room(quotas);
  if (room !== null && size > room.bytes) throw quotaRefusal(room, size, limits);
  const text = `Nothing is stored as ${JSON.stringify(name)}`;
  const code = errorMeanings["unknown-upload"].wire;
  return judgement.rule === null ? { code, text } : { code, text, info: aboutTaken(judgement, user, name) };
}

/** What is told of an upload that would be taken. */
function aboutTaken({ rule, place }: Accepted, user: string, name: string): ErrorInfo {
  const path = pathOf(destinationOf({ user, name, place }));
  const isTold = Buffer.byteLength(JSON.stringify(path)) <= placeBytesMax;
  return { ...(rule === null ? {} : { rule }), ...(isTold ? { place: path } : {}) };
}

/** The answer where the user has what is asked about under another name. What is not there any more is passed over. */
async function withSameContent(user: string, post: PostFile, parts: InquiryParts): Promise<Refusal | null> {
  const { catalogue, storage } = parts;
  const { metadataText, info } = post;
  const isDataset = info.unpack !== undefined;
  const content = isDataset ? info.files : info.sha256;
  if (content === undefined) return null;
  const records = await catalogue.withContent(user, content, jsonDigest(metadataText) ?? "", lookedAtMax);
  for (const record of records) {
    const { name, form } = record;
    if ((form !== "file") !== isDataset) continue;
    const published = await publishedAs(record, storage);
    if (published === null) continue;
    const text = `The same content is stored as ${JSON.stringify(name)}`;
    const code = errorMeanings["name-taken"].wire;
    return { code, text, info: { ...aboutPublished(published, posterOf(user, post, parts)), name } };
  }
  return null;
}

async function notDurableYet(): Promise<never> {
  throw new DyncError("not-ready", "It is being published just now");
}

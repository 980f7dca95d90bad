// The calls of a PostgreSQL catalogue in their order. While some are done together in one transaction the next ones gather, so that
// however many uploads there are, few transactions are made of what they ask for.

import { DyncError } from "../base/error.ts";
import type { PostgresDatabase, Session, Transaction } from "./postgres-database.ts";
import { type Needs, Unit } from "./postgres-unit.ts";

/** What changes something: judged by what it needs to know, together with others; or with questions of its own. */
export type Change<Result> =
  | { readonly needs: Needs; readonly judge: (unit: Unit) => Result }
  | { readonly act: (transaction: Transaction) => Promise<Result> };

/** A question along an index, which takes no time. */
interface Look<Result> {
  readonly look: (session: Session) => Promise<Result>;
}

interface Waiting {
  readonly call: Change<unknown> | Look<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

// One list in JSON of that many records is some hundred KiB, and their metadata.
const togetherMax = 200;
const action = "written into";
const lookUp = "looked up in";

export class PostgresCalls {
  readonly #database: PostgresDatabase;
  #waiting: Waiting[] = [];
  #isWorking = false;
  /** Resolves when all that was asked for is done. */
  #done: Promise<unknown> = Promise.resolve();

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** Behind all changes that were asked for before. */
  async ask<Result>(read: (session: Session) => Promise<Result>): Promise<Result> {
    await this.#done;
    return await this.#database.ask(lookUp, read);
  }

  /** The same of a short question: it goes along with the changes that it has to wait for. */
  look<Result>(look: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#isWorking ? this.#add<Result>({ look }) : this.#database.ask(lookUp, look);
  }

  change<Result>(act: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    return this.#add<Result>({ act });
  }

  judge<Result>(needs: Needs, judge: (unit: Unit) => Result): Promise<Result> {
    return this.#add<Result>({ needs, judge });
  }

  /** Resolves when all that was asked for is done. */
  async settled(): Promise<void> {
    await this.#done;
  }

  #add<Result>(call: Change<Result> | Look<Result>): Promise<Result> {
    const answer = new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject });
    });
    this.#done = answer.catch(() => {});
    if (!this.#isWorking) {
      this.#isWorking = true;
      // What this turn of the event loop asks for goes together.
      setImmediate(() => void this.#work());
    }
    return answer;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) await this.#together(this.#waiting.splice(0, togetherMax));
    this.#isWorking = false;
  }

  /** Never rejects. */
  async #together(calls: readonly Waiting[]): Promise<void> {
    const looks = calls.filter(({ call }) => "look" in call);
    const changes = calls.filter(({ call }) => !("look" in call));
    try {
      if (changes.length === 0) await this.#lookUp(looks);
      else await this.#change(changes, looks);
    } catch (error) {
      // One must not take the others with it; where nobody answers each would wait as long for nothing.
      const isTheirs = calls.length === 1 || (error instanceof DyncError && error.code === "not-ready");
      if (isTheirs) for (const { reject } of calls) reject(error);
      else for (const call of calls) await this.#together([call]);
    }
  }

  async #lookUp(looks: readonly Waiting[]): Promise<void> {
    const answers = await this.#database.ask(lookUp, (session) =>
      Promise.all(looks.map(({ call }) => (call as Look<unknown>).look(session))),
    );
    for (const [index, { resolve }] of looks.entries()) resolve(answers[index] as never);
  }

  async #change(changes: readonly Waiting[], looks: readonly Waiting[]): Promise<void> {
    const calls = changes.map(({ call }) => call as Change<unknown>);
    const { results, answers } = await this.#database.change(action, async (transaction) => {
      const results = await all(calls, transaction);
      // Behind what is written, and not waited for: their answers come with that of the end.
      const answers = looks.map(({ call }) => (call as Look<unknown>).look(transaction));
      for (const answer of answers) answer.catch(() => {});
      return { results, answers };
    });
    for (const [index, { resolve }] of changes.entries()) resolve(results[index] as never);
    for (const [index, { call, resolve, reject }] of looks.entries()) {
      // It may have been lost where the end was not.
      const again = () => this.#database.ask(lookUp, (call as Look<unknown>).look);
      answers[index]?.catch(again).then(resolve as (answer: unknown) => void, reject);
    }
  }
}

async function all(
  changes: readonly Change<unknown>[],
  transaction: Transaction,
): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  for (const group of groupsOf(changes)) {
    if (!Array.isArray(group)) {
      results.push(await group.act(transaction));
      continue;
    }
    const unit = new Unit(transaction);
    await unit.load(group.map(({ needs }) => needs));
    for (const { judge } of group) results.push(judge(unit));
    unit.write();
  }
  return results;
}

type Judged = Extract<Change<unknown>, { readonly needs: Needs }>;
type Acted = Exclude<Change<unknown>, Judged>;

/** In their order; those that are judged, and stand beside each other, as one list. */
function groupsOf(changes: readonly Change<unknown>[]): readonly (Judged[] | Acted)[] {
  const groups: (Judged[] | Acted)[] = [];
  for (const change of changes) {
    const last = groups.at(-1);
    if ("act" in change) groups.push(change);
    else if (Array.isArray(last)) last.push(change);
    else groups.push([change]);
  }
  return groups;
}

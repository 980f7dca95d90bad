// What is done when somebody clicks, and what is asked when a view is opened.

import { call, pastOver, Refused, signOut } from "./server.js";
import { runningOf } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {ReturnType<typeof makeActions>} Actions */

const pageUploads = 100;
const instrumentsMax = 500;
const usersMax = 900;
/** How often these views ask anew while somebody looks, in ms: what they show goes on. */
const refreshMs = /** @type {Record<string, number>} */ ({
  upload: 3_000,
  user: 5_000,
  users: 5_000,
  instruments: 5_000,
});

/**
 * @param {() => State} current
 * @param {(change: Partial<State>) => void} change
 */
export function makeActions(current, change) {
  /**
   * Does something, and says what came of it.
   *
   * @param {() => Promise<string | void>} work
   * @param {string} [otherwise] what to do where the server does not answer
   */
  const trying = async (work, otherwise = "look whether it was done before you do it again") => {
    try {
      change({ done: (await work()) ?? "", error: "" });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) return change({ session: null, isAsking: false });
      const hint = error.status === 0 ? otherwise : error.hint;
      change({ error: textOf({ message: error.message, hint }), done: "" });
      return error;
    }
  };
  const loaders = loadersFor(current, change);
  const refresh = refresher(current, change, loaders);
  /** What was asked for and is not there yet: an answer may be under way, or none will come. */
  let owed = /** @type {"nothing" | "an answer" | "another try"} */ ("nothing");
  let loads = 0;
  const load = async () => {
    const mine = ++loads;
    refresh.loaded();
    owed = "an answer";
    const hint = "it may be starting again, and this page tries on";
    const error = await trying(async () => {
      try {
        await loaders[current().view]?.();
      } catch (error) {
        // Another one is asked meanwhile, and says what is wrong.
        if (mine === loads) throw error;
      }
    }, hint);
    if (mine === loads) owed = error?.status === 0 ? "another try" : "nothing";
  };
  /** @param {string} command @param {object} given @param {string} done */
  const doing = (command, given, done) =>
    trying(async () => {
      await call(command, given);
      await loaders[current().view]?.();
      return done;
    });
  return {
    load,
    /** Something was told: once a second. */
    heard: () => (owed === "another try" ? load() : refresh.heard()),
    /** The server tells again what happens: what it was asked before may never be answered. */
    back: async () => (owed === "nothing" ? undefined : await load()),
    /** @param {Event} event */
    search(event) {
      event.preventDefault();
      const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
      const given = [...form]
        .map(([name, value]) => [name, String(value)])
        .filter(([, value]) => value !== "");
      location.hash = `#uploads?${new URLSearchParams(given)}`;
    },
    moreUploads: () => trying(async () => await loadUploads(current, change, true)),
    cancel() {
      const { upload } = current();
      if (!confirm(`Cancel ${upload.name} of ${upload.user}? What arrived of it is deleted.`)) return;
      return doing("uploads cancel", { ids: [upload.id] }, `${upload.name} is cancelled`);
    },
    verify: () =>
      trying(async () => {
        const { upload } = current();
        const order = { ids: [upload.id], query: {}, sample: null, bytesPerSecond: null };
        const { answer, lines } = await call("uploads verify", order);
        if (answer.sound === 1) return `${upload.name} is on the disk as it was stored`;
        const flaw = lines.find((line) => line.type === "flaw");
        throw new Refused(
          200,
          `${upload.name} is not as it was stored`,
          flaw?.reason ?? "parts of it are missing",
        );
      }),
    /** @param {Event} event */
    amend(event) {
      event.preventDefault();
      const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
      const given = { id: current().upload.id, metadataText: String(form.get("metadata")) };
      return doing("uploads amend", given, "The metadata are stored");
    },
    /** @param {Event} event @param {string} fingerprint */
    approve(event, fingerprint) {
      event.preventDefault();
      const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
      const user = String(form.get("user")).trim();
      return doing("clients approve", { fingerprint, user }, `The key is let in as ${user}`);
    },
    /** @param {string} fingerprint */
    dismiss(fingerprint) {
      if (!confirm("Refuse this key? It is not shown again until the server starts anew.")) return;
      return doing("clients dismiss", { fingerprint }, "The key is refused");
    },
    /** @param {{ user: string, fingerprint: string }} client */
    revoke({ user, fingerprint }) {
      if (!confirm(`Take back the key of ${user}? Its uploads end.`)) return;
      return doing("clients remove", { who: fingerprint }, `The key of ${user} is taken back`);
    },
    /** @param {string} hook */
    retryHook: (hook) => doing("hooks retry", { hook }, `${hook} is told again now`),
    /** @param {string} over */
    chart(over) {
      // What is drawn is never of another time than the one that is pressed.
      change({ over, past: null });
      return load();
    },
    async leave() {
      await signOut().catch(() => {});
      change({ session: null, isAsking: false, live: null });
    },
  };
}

/** @param {{ message: string, hint: string | undefined }} error */
function textOf({ message, hint }) {
  return hint === undefined ? message : `${message}: ${hint}`;
}

/**
 * Keeps what is shown as it is on the server, without a word.
 *
 * @param {() => State} current
 * @param {(change: Partial<State>) => void} change
 * @param {Record<string, () => Promise<void>>} loaders
 */
function refresher(current, change, loaders) {
  let loadedAt = 0;
  let isLoading = false;
  let wasHere = false;
  let shownError = "";
  const loaded = () => {
    loadedAt = performance.now();
  };
  const isDue = () => {
    const { view, upload, live } = current();
    const everyMs = refreshMs[view];
    if (everyMs === undefined || isLoading || document.hidden) return false;
    if (view !== "upload") return performance.now() - loadedAt >= everyMs;
    if (upload === null || isSettled(upload)) return false;
    // Its client came or went, or all of it is there.
    const isHere = runningOf(live, upload.id) !== null;
    const hasTurned = isHere !== wasHere;
    wasHere = isHere;
    return hasTurned || performance.now() - loadedAt >= everyMs;
  };
  return {
    /** All that is shown was asked for just now. */
    loaded,
    /** Something was told: once a second. */
    async heard() {
      if (!isDue()) return;
      isLoading = true;
      loaded();
      try {
        await loaders[current().view]?.();
        if (shownError !== "" && current().error === shownError) change({ error: "" });
        shownError = "";
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.status === 401) change({ session: null, isAsking: false });
        // That the server does not answer is said by itself.
        else if (error.status > 0) change({ error: textOf(error) });
        shownError = error.status > 0 ? textOf(error) : "";
      } finally {
        isLoading = false;
      }
    },
  };
}

/**
 * Whether nothing more becomes of it by itself.
 *
 * @param {any} upload
 */
function isSettled({ state, story }) {
  const hasEnded = state === "stored" || state === "failed";
  return hasEnded && !story.some((/** @type {any} */ it) => it.kind === "hook");
}

/**
 * @param {() => State} current
 * @param {(change: Partial<State>) => void} change
 * @returns {Record<string, () => Promise<void>>}
 */
function loadersFor(current, change) {
  /** @type {Record<string, number>} */
  const asked = {};
  /**
   * Shows what `ask` finds out for a view, unless that was asked for again since: answers may come in another order.
   *
   * @param {string} view
   * @param {() => Promise<Partial<State>>} ask
   */
  const show = async (view, ask) => {
    const mine = (asked[view] ?? 0) + 1;
    asked[view] = mine;
    const found = await ask();
    if (asked[view] === mine) change(found);
  };
  return {
    uploads: () => loadUploads(current, change, false),
    async upload() {
      const { id } = current();
      if (current().upload?.id !== id) change({ upload: null });
      await show("upload", async () => {
        const { answer } = await call("uploads show", { id });
        // Somebody may look at another page by now.
        return current().view === "upload" ? { upload: answer } : {};
      });
    },
    async user() {
      const { user } = current().filter;
      if (current().user?.user !== user) change({ user: null });
      await show("user", async () => {
        const { answer } = await call("users show", { user });
        return current().filter.user === user ? { user: answer } : {};
      });
    },
    users: () =>
      show("users", async () => {
        const [users, clients] = await Promise.all([call("users list"), call("clients list")]);
        return { users: users.lines.slice(0, usersMax), clients: clients.answer.clients };
      }),
    instruments: () =>
      show("instruments", async () => ({
        instruments: (await call("instruments list", { limit: instrumentsMax })).lines,
      })),
    keys: () =>
      show("keys", async () => {
        const [pending, clients] = await Promise.all([call("clients pending"), call("clients list")]);
        return { pending: pending.answer.pending, clients: clients.answer.clients };
      }),
    hooks: () =>
      show("hooks", async () => {
        const { lines, answer } = await call("hooks list", { hook: null, limit: pageUploads });
        return { deliveries: { rows: lines, hooks: answer.hooks } };
      }),
    async charts() {
      const { over } = current();
      await show("charts", async () => {
        const past = await pastOver(over);
        return current().over === over ? { past } : {};
      });
    },
    refusals: () =>
      show("refusals", async () => ({ refusals: (await call("refusals list")).answer.refusals })),
  };
}

/** How often lists of uploads were asked for: only the last answer is shown. */
let uploadsAsked = 0;

/**
 * @param {() => State} current
 * @param {(change: Partial<State>) => void} change
 * @param {boolean} isMore whether they come behind those that are shown
 */
async function loadUploads(current, change, isMore) {
  const { filter, uploads } = current();
  const before = isMore ? uploads.rows : [];
  const mine = ++uploadsAsked;
  change({ uploads: { rows: before, hasMore: false, isLoading: true } });
  try {
    const { lines, answer } = await call("uploads list", {
      query: queryOf(filter, before),
      limit: pageUploads,
    });
    // Others were asked for since.
    if (mine !== uploadsAsked) return;
    const known = new Set(before.map(({ id }) => id));
    const rows = [...before, ...lines.filter(({ id }) => !known.has(id))];
    change({ uploads: { rows, hasMore: answer.more, isLoading: false } });
  } catch (error) {
    if (mine === uploadsAsked) change({ uploads: { rows: before, hasMore: isMore, isLoading: false } });
    throw error;
  }
}

/**
 * @param {Record<string, string>} filter
 * @param {readonly any[]} before
 */
function queryOf({ user, name, state, since, field }, before) {
  const last = before.at(-1)?.startedAt;
  const [, path, value] = /^([^=]+)=(.*)$/.exec(field ?? "") ?? [];
  return {
    ...(user ? { user } : {}),
    ...(name ? { name } : {}),
    ...(state ? { states: [state] } : {}),
    ...(since ? { since: new Date(`${since}T00:00`).toISOString() } : {}),
    // Behind the last one; what began in the same millisecond comes again, and is left out.
    ...(last === undefined ? {} : { until: new Date(Date.parse(last) + 1).toISOString() }),
    ...(path === undefined ? {} : { fields: [{ path, value: value ?? "" }] }),
  };
}

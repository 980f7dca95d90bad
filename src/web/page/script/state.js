// All that the page knows. Views are made of it, and actions change it.

/**
 * @typedef {object} State
 * @property {import("./server.js").Session | null} session who is signed in
 * @property {boolean} isAsking whether that is not known yet
 * @property {string} view name of what is shown
 * @property {string} id of the upload that is shown
 * @property {number} now ms since 1970
 * @property {boolean} isLinked whether the server tells what happens
 * @property {any} live what happens now; null: nothing was told yet
 * @property {Record<string, string>} filter by which uploads are searched
 * @property {{ rows: any[], hasMore: boolean, isLoading: boolean }} uploads
 * @property {any} upload all about one
 * @property {any[] | null} users
 * @property {any} user all about one
 * @property {any[] | null} instruments what is wrong first
 * @property {any[] | null} pending
 * @property {any[] | null} clients
 * @property {{ hooks: any[], rows: any[] } | null} deliveries
 * @property {any[] | null} refusals
 * @property {string} over how long charts are about
 * @property {any} past what charts show
 * @property {boolean} handsOut whether the server hands out its client
 * @property {string} done what was done last, for who does not see it
 * @property {string} error what went wrong last
 */

/** @returns {State} */
export function firstState() {
  return {
    ...{ session: null, isAsking: true, view: "now", id: "", now: Date.now(), isLinked: true, live: null },
    ...{ filter: {}, uploads: { rows: [], hasMore: false, isLoading: false }, upload: null },
    ...{
      users: null,
      user: null,
      instruments: null,
      pending: null,
      clients: null,
      deliveries: null,
      refusals: null,
      done: "",
      error: "",
    },
    ...{ over: "day", past: null, handsOut: false },
  };
}

/** Names of views, as they stand in the address, with what people see. */
export const views = /** @type {const} */ ([
  ["now", "Now"],
  ["uploads", "Uploads"],
  ["users", "Users"],
  ["instruments", "Instruments"],
  ["keys", "Keys"],
  ["hooks", "Hooks"],
  ["refusals", "Refusals"],
  ["charts", "Charts"],
]);

/**
 * What an address asks for: `#upload/ID`, `#uploads?user=meyer`, `#user?user=meyer`.
 *
 * @param {string} hash
 * @returns {Pick<State, "view" | "id" | "filter">}
 */
export function viewIn(hash) {
  const [, name = "", id = "", query = ""] = /^#([a-z]*)(?:\/([0-9a-f]*))?(?:\?(.*))?$/.exec(hash) ?? [];
  const filter = Object.fromEntries([...new URLSearchParams(query)].filter(([, value]) => value !== ""));
  if (name === "user" && filter.user !== undefined) return { view: "user", id: "", filter };
  if (name === "upload" && id !== "") return { view: "upload", id, filter };
  return { view: views.some(([known]) => known === name) ? name : "now", id: "", filter };
}

/**
 * What is told of an upload once a second, while its client is there; else `null`.
 *
 * @param {any} live
 * @param {string} id
 */
export function runningOf(live, id) {
  return live?.running.find((/** @type {any} */ it) => it.id === id) ?? null;
}

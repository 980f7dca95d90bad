// The status page of a server: the state, what changes it from outside, and the view of it.

import { makeActions } from "./actions.js";
import { chartsView } from "./charts.js";
import { hooksView } from "./hooks.js";
import { instrumentsView } from "./instruments.js";
import { keysView } from "./keys.js";
import { nowView } from "./now.js";
import { h, render } from "./preact.js";
import { refusalsView } from "./refusals.js";
import { currentSession, follow, handsOut, Refused, signIn } from "./server.js";
import { firstState, viewIn, views } from "./state.js";
import { uploadsView, uploadView } from "./uploads.js";
import { usersView, userView } from "./users.js";

/** @typedef {import("./state.js").State} State */

let state = firstState();
let isPlanned = false;
/** @type {() => void} */
let unfollow = () => {};

/** @param {Partial<State>} change */
function change(change) {
  state = { ...state, ...change, now: Date.now() };
  // Who is signed out is told nothing more.
  if (state.session === null) unfollow();
  if (isPlanned) return;
  isPlanned = true;
  queueMicrotask(() => {
    isPlanned = false;
    render(page(), document.body);
    document.title = `${titleOf()} – dync-server`;
  });
}

const actions = makeActions(() => state, change);

/** @type {Record<string, (state: State, actions: import("./actions.js").Actions) => import("./preact.js").ComponentChildren>} */
const viewOf = {
  ...{ now: nowView, uploads: uploadsView, upload: uploadView, users: usersView, user: userView },
  ...{
    keys: keysView,
    hooks: hooksView,
    refusals: refusalsView,
    charts: chartsView,
    instruments: instrumentsView,
  },
};

function titleOf() {
  if (state.view === "upload") return state.upload?.name ?? "Upload";
  if (state.view === "user") return state.filter.user ?? "User";
  return views.find(([name]) => name === state.view)?.[1] ?? "";
}

function page() {
  if (state.session === null) return signedOut();
  return [
    h("a", { class: "skip", href: "#main", onClick: focusMain }, "Skip to the content"),
    header(state.session),
    h(
      "main",
      { id: "main" },
      h(
        "div",
        { class: "title" },
        h("h1", { tabIndex: -1 }, h("bdi", null, titleOf())),
        h(
          "p",
          { role: "status", class: state.isLinked ? "soft" : "bad" },
          state.isLinked ? state.done : "The server does not answer: this is how it was last.",
        ),
      ),
      h("div", { role: "alert" }, state.error),
      viewOf[state.view]?.(state, actions),
    ),
  ];
}

/** @param {Event} event */
function focusMain(event) {
  event.preventDefault();
  document.querySelector("h1")?.focus();
}

/** @param {import("./server.js").Session} session */
function header({ name, role, by, signOut }) {
  const current = { upload: "uploads", user: "users" }[state.view] ?? state.view;
  const link = (/** @type {readonly [string, string]} */ [view, text]) =>
    h("li", null, h("a", { href: `#${view}`, "aria-current": view === current ? "page" : undefined }, text));
  return h(
    "header",
    null,
    h("strong", null, "dync-server"),
    h(
      "nav",
      { "aria-label": "Views" },
      h("ul", null, views.map(link), state.handsOut ? h("li", null, installLink("Install")) : null),
    ),
    h(
      "div",
      { class: "who" },
      h("span", null, `${name}, ${role}`),
      by === "link"
        ? h("button", { onClick: actions.leave }, "Sign out")
        : signOut === null
          ? null
          : h("a", { href: signOut }, "Sign out"),
    ),
  );
}

/** @param {string} text */
function installLink(text) {
  return h("a", { href: "install" }, text);
}

function signedOut() {
  if (state.isAsking) return h("main", null, h("p", { class: "none" }, "Asking the server …"));
  return h(
    "main",
    { id: "main" },
    h("h1", { tabIndex: -1 }, "Sign in"),
    h("div", { role: "alert" }, state.error),
    h(
      "p",
      null,
      "Nobody is signed in here. Whoever looks after this server can make a link that signs in once:",
    ),
    h("pre", { tabIndex: 0, "aria-label": "Command" }, "dync-server web link --role viewer --name YOU"),
    h(
      "p",
      null,
      "With ",
      h("code", null, "--role steward"),
      " it also lets keys in, cancels uploads and more.",
    ),
    state.handsOut
      ? h(
          "p",
          null,
          "To send files from this computer, nobody has to sign in: ",
          installLink("install dync"),
          ".",
        )
      : null,
  );
}

/** Begins with what is in the address, once somebody is signed in. */
async function begin() {
  const [, secret] = /^#sign-in=([\w-]+)$/.exec(location.hash) ?? [];
  // Nobody finds the link in the history of this browser.
  if (secret !== undefined) history.replaceState(null, "", "#now");
  try {
    const session = await (secret === undefined ? currentSession() : signIn(secret));
    change({ session, isAsking: false, error: "" });
    unfollow();
    unfollow = follow(
      (live) => {
        change({ live });
        void actions.heard();
      },
      (isLinked) => {
        const isBack = isLinked && !state.isLinked;
        change({ isLinked });
        if (isBack) void actions.back();
      },
      (error) => {
        if (isRefused(error)) change({ session: null, error: "You are not signed in any more." });
      },
    );
    await open();
  } catch (error) {
    // That nobody is signed in is what the page is about then.
    const isNews =
      error instanceof Error && (secret !== undefined || (isRefused(error) && error.status !== 401));
    const message = isNews ? error.message : "";
    change({ session: null, isAsking: false, error: message });
  }
}

/**
 * @param {unknown} error
 * @returns {error is Refused}
 */
function isRefused(error) {
  return error instanceof Refused && error.status > 0;
}

async function open() {
  const asked = viewIn(location.hash);
  const isOtherUser = asked.view === "user" && asked.filter.user !== state.filter.user;
  const isOther = asked.view !== state.view || asked.id !== state.id || isOtherUser;
  change({ ...asked, error: "", done: "" });
  queueMicrotask(showFilter);
  await actions.load();
  // Whoever listens to the page hears that it is another one: at once, or it takes the focus from where somebody put it meanwhile.
  if (isOther) document.querySelector("h1")?.focus();
}

/** The address may be another one without anything typed: by a link, or the way back. */
function showFilter() {
  const fields = document.querySelectorAll("form[role=search] [name]");
  for (const field of fields) {
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement)
      field.value = state.filter[field.name] ?? "";
  }
}

addEventListener("hashchange", () => {
  if (location.hash.startsWith("#sign-in=")) void begin();
  else if (state.session !== null && location.hash !== "#main") void open();
});
render(page(), document.body);
void handsOut().then((handsOut) => change({ handsOut }));
void begin();

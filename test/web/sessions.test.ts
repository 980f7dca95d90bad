// Links that sign in once, and sessions that end.

import { describe, expect, test } from "bun:test";
import { Sessions } from "../../src/web/sessions.ts";
import { ManualClock } from "../support/manual-clock.ts";

const minuteMs = 60_000;

function begun() {
  const clock = new ManualClock();
  let count = 0;
  return { clock, sessions: new Sessions({ clock, newSecret: () => `secret-${++count}` }) };
}

describe("a link", () => {
  test("signs in once, with its role and name", () => {
    const { sessions } = begun();
    const { secret } = sessions.link("steward", "meyer");
    const first = sessions.signIn(secret);
    expect(first?.session).toMatchObject({ role: "steward", name: "meyer" });
    expect(sessions.find(first?.cookie ?? "")).toMatchObject({ role: "steward" });
    expect(sessions.signIn(secret)).toBeNull();
  });

  test("is good for 15 minutes", () => {
    const { clock, sessions } = begun();
    const [early, late] = [sessions.link("viewer", "a"), sessions.link("viewer", "b")];
    clock.advance(15 * minuteMs - 1);
    expect(sessions.signIn(early.secret)).not.toBeNull();
    clock.advance(1);
    expect(sessions.signIn(late.secret)).toBeNull();
  });

  test("that nobody made signs nobody in", () => {
    expect(begun().sessions.signIn("")).toBeNull();
  });
});

describe("a session", () => {
  test("ends when nothing is asked for two hours, and after twelve in any case", () => {
    const { clock, sessions } = begun();
    const { cookie = "" } = sessions.signIn(sessions.link("viewer", "a").secret) ?? {};
    for (let hour = 0; hour < 11; hour++) {
      clock.advance(60 * minuteMs);
      expect(sessions.find(cookie)).not.toBeNull();
    }
    clock.advance(60 * minuteMs);
    expect(sessions.find(cookie)).toBeNull();
    const { cookie: idle = "" } = sessions.signIn(sessions.link("viewer", "a").secret) ?? {};
    clock.advance(120 * minuteMs);
    expect(sessions.find(idle)).toBeNull();
  });

  test("ends when it is signed out", () => {
    const { sessions } = begun();
    const { cookie = "" } = sessions.signIn(sessions.link("viewer", "a").secret) ?? {};
    sessions.signOut(cookie);
    expect(sessions.find(cookie)).toBeNull();
  });

  test("of many, the oldest goes: they are bounded", () => {
    const { sessions } = begun();
    const cookies = Array.from(
      { length: 300 },
      () => sessions.signIn(sessions.link("viewer", "a").secret)?.cookie ?? "",
    );
    expect(sessions.find(cookies[0] ?? "")).toBeNull();
    expect(cookies.filter((it) => sessions.find(it) !== null)).toHaveLength(256);
  });
});

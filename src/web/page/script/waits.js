// What an upload waits for, in words for who looks after the server; `src/cli/dync/wait-words.ts` has those for who sends it. Imports
// nothing, so that a test can hold it to the causes that there are.

/** By the names that doc/protocol.md has for the causes. */
export const waitCauses = {
  hook: "a hook that is asked",
  name: "an upload before it that has its name",
  hash: "what is stored of it is checked",
  memory: "memory, which is lent to others",
  own: "other uploads of the same user",
  urgent: "more urgent uploads",
  disk: "the disk",
  publishing: "being made safe on the disk",
};

/** @param {{ cause: string, ahead?: number } | null} wait */
export function waitText(wait) {
  if (wait === null) return "";
  const { cause, ahead } = wait;
  const place = ahead === undefined ? "" : ahead === 0 ? ", it is next" : `, ${ahead} before it`;
  return `${waitCauses[/** @type {keyof typeof waitCauses} */ (cause)] ?? cause}${place}`;
}

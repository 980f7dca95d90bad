// Notes many entries, as a process of its own: for `history.test.ts`. Arguments: the folder, a name, how many.

import { History } from "../../src/client/history.ts";

const [folder = "", name = "", count = "0"] = process.argv.slice(2);
const history = new History(folder);
for (let number = 0; number < Number(count); number++) {
  history.note({
    schema: 1,
    at: new Date(number).toISOString(),
    host: "lab.example",
    port: 8889,
    name: `${name}-${number}`,
    path: null,
    kind: "input",
    bytes: number,
    sha256: "ab".repeat(32),
    id: "u1",
    already: false,
  });
  if (number % 7 === 0) await history.settle();
}
await history.settle();
if (history.fault !== null) throw new Error(history.fault);

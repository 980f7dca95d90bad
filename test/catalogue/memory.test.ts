// The catalogue in memory keeps the contract.

import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { catalogueContract } from "./contract.ts";

catalogueContract("catalogue in memory", async () =>
  Object.assign(new MemoryCatalogue(), { [Symbol.asyncDispose]: async () => {} }),
);

// The catalogue in memory keeps the contract.

import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { catalogueContract } from "./contract.ts";
import { listContract } from "./list-contract.ts";
import { alarmContract, outboxContract } from "./outbox-contract.ts";

const make = async () => Object.assign(new MemoryCatalogue(), { [Symbol.asyncDispose]: async () => {} });

catalogueContract("catalogue in memory", make);
listContract("lists in memory", make);
outboxContract("catalogue in memory", make);
alarmContract("catalogue in memory", make);

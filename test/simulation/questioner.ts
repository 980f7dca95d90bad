// Somebody who only asks what is stored of what a client sends, with the real `client/ask.ts`: its own user, or another one.
// What they are told has to be so, and no upload notices.

import { createHash } from "node:crypto";
import { DyncError } from "../../src/base/error.ts";
import { type Answer, Asker } from "../../src/client/ask.ts";
import { userStatus } from "../../src/client/user-status.ts";
import type { ShellWorld } from "./shell-world.ts";
import type { SimulatedClient } from "./simulated-client.ts";
import { keyOfUser, serverKeys, usersMax } from "./simulated-keys.ts";
import { nothingHeld } from "./simulated-network.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { check } from "./simulation-failure.ts";

/** Asks about what `client` sends, once. */
export function askAbout(world: ShellWorld, client: SimulatedClient): void {
  const { random, clock } = world;
  const { label, name, user: owner } = client.job;
  const user = random.chance(0.8) ? owner : (owner + random.between(1, usersMax - 1)) % usersMax;
  const process = new SimulatedProcess(clock);
  const transport = world.network.client(process, nothingHeld(), () => {});
  const asker = new Asker(
    {
      party: { host: "server", port: world.port, serverKey: serverKeys.publicKey, keys: keyOfUser(user) },
      client: "simulation",
      retryForMs: 20_000,
      retryFirst: true,
    },
    { transport, clock: process.clock, random: () => random.next(), newIdentity: () => world.newIdentity() },
  );
  const wasConfirmed = client.receipt !== null;
  // Of its content alone: nothing has that name.
  const sha256 = random.chance(0.3) ? sha256Of(client.job.content) : null;
  const asked = sha256 === null ? { name } : { name: `${name}.asked`, sha256 };
  world.trace(() => `user-${user} asks about ${label}${sha256 === null ? "" : " by its content"}`);
  asker
    .ask({ ...asked, metadataText: JSON.stringify({ label }) }, new AbortController().signal)
    .then(async (answer) => {
      world.trace(() => `user-${user} hears of ${label}: ${answer.type}`);
      checkAnswer(world, client, `user-${user}`, { answer, wasConfirmed });
      await haveReadAgain(world, client, `user-${user}`, answer, asker);
      await haveStatusTold(world, `user-${user}`, asker);
    })
    .catch((error: unknown) => {
      // It cannot be reached, or has no answer just now.
      if (!(error instanceof DyncError)) throw error;
      world.trace(() => `user-${user} hears nothing of ${label}: ${error.message}`);
    })
    .then(() => {
      asker.close();
      process.kill();
    })
    .catch((error: unknown) => world.fail(error));
}

/** Has what is said to be stored read again: what is proved so lies there just so. */
async function haveReadAgain(
  world: ShellWorld,
  client: SimulatedClient,
  user: string,
  answer: Answer,
  asker: Asker,
): Promise<void> {
  if (answer.type !== "stored" || answer.stored.upload === null) return;
  const { upload, sha256, otherName } = answer.stored;
  const name = otherName ?? client.job.name;
  const about = { name, metadataText: "{}", sha256 };
  const read = await asker.readAgain(upload, about, new AbortController().signal);
  world.trace(() => `${user} has ${name} read again: ${read.type}`);
  check(read.type !== "damaged", () => `${user} hears that ${name} is damaged, which nothing does here`);
  if (read.type !== "proved") return;
  const file = world.disk.storage.published().find((it) => it.id === upload);
  check(
    file !== undefined && file.folder === user && sha256Of(file.bytes) === sha256,
    () => `${user} may delete ${name}, which is not stored so`,
  );
}

/** Asks how the uploads are: nothing is told that is another user's, or not so. */
async function haveStatusTold(world: ShellWorld, user: string, asker: Asker): Promise<void> {
  const told = await userStatus(asker, 5, new AbortController().signal);
  world.trace(() => `${user} is told of ${told.stored.rows.length} that are stored`);
  check(told.user === user, () => `${user} is taken for ${told.user}`);
  for (const { id, name } of told.stored.rows) {
    const file = world.disk.storage.published().find((it) => it.id === id);
    check(file?.folder === user && file.name === name, () => `${user} is told that ${name} is stored`);
  }
  const others = [...told.running.rows, ...told.waiting.rows].map(({ id = "" }) =>
    world.disk.catalogue.peek(id),
  );
  check(
    others.every((it) => it === null || it.user === user),
    () => `${user} is told of another's uploads`,
  );
}

function checkAnswer(
  world: ShellWorld,
  client: SimulatedClient,
  user: string,
  { answer, wasConfirmed }: { readonly answer: Answer; readonly wasConfirmed: boolean },
): void {
  const { label, name, content, user: owner } = client.job;
  const isOwner = user === `user-${owner}`;
  if (answer.type !== "stored") {
    check(
      !wasConfirmed || !isOwner,
      () => `${label} is confirmed, and its user hears that it is ${answer.type}`,
    );
    return;
  }
  const { sha256, size, hasSameMetadata, upload, otherName } = answer.stored;
  const found = otherName ?? name;
  const file = world.disk.storage.published().find((it) => it.folder === user && it.name === found);
  check(file !== undefined, () => `${user} hears that ${name} is stored, and it is not`);
  check(file.id === upload, () => `${user} hears of ${name} that it is of another upload`);
  check(
    sha256 === sha256Of(file.bytes) && size === file.bytes.length,
    () => `${user} hears that ${name} is something else`,
  );
  if (!hasSameMetadata || !isOwner) return;
  check(
    Buffer.compare(file.bytes, content) === 0,
    () => `${user} hears that ${label} is stored, and it is another`,
  );
}

function sha256Of(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

// Cancelling an upload that is not running: every answer of the server, and none.

import { describe, expect, test } from "bun:test";
import { cancelUpload } from "../../src/client/cancel.ts";
import { ClientWorld, clientKeys, failureOf, identity } from "./client-world.ts";
import { ScriptedServer, serverKeys } from "./scripted-server.ts";

function cancelIn(world: ClientWorld): Promise<"dropped" | "finished"> {
  const connection = { host: "server", port: 8889, serverKey: serverKeys.publicKey, keys: clientKeys };
  return cancelUpload({ ...connection, identity }, world.parts, world.stop.signal);
}

async function asked(server: ScriptedServer): Promise<void> {
  const { peer, message } = await server.hear();
  expect(peer).toBe(Buffer.from(identity).toString("hex"));
  expect(message).toMatchObject({ type: "error", code: 499 });
  await server.expect("query-status");
}

describe("a cancellation", () => {
  test.each([404, 499])("is done when the server answers %p: nothing of it is there", async (code) => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network, { answersError: false });
    const cancelled = cancelIn(world);
    await asked(server);
    server.sendError(code);
    expect(await cancelled).toBe("dropped");
    await world.settle();
    expect(world.network.messagesHeld).toBe(0);
    expect(world.network.connections).toEqual([]);
  });

  test("comes too late for an upload that was finished", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network, { answersError: false });
    const cancelled = cancelIn(world);
    await asked(server);
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect(await cancelled).toBe("finished");
  });

  test("takes no notice of what belongs to the upload, and waits for the answer", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network, { answersError: false });
    const cancelled = cancelIn(world);
    await asked(server);
    server.send({ type: "transfer-credit", amount: 3 });
    server.send({ type: "status-report", seek: 0, credit: 0 });
    server.sendError(404);
    expect(await cancelled).toBe("dropped");
  });

  test("that the server refuses for another reason fails with that", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network, { answersError: false });
    const failed = failureOf(cancelIn(world));
    await asked(server);
    server.sendError(503, "The server is going down");
    const error = await failed;
    expect([error.code, error.message]).toEqual(["not-ready", "The server is going down"]);
  });

  test("without an answer ends after ten seconds", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network, { answersError: false });
    const failed = failureOf(cancelIn(world));
    await asked(server);
    await world.pass(10_000);
    expect((await failed).code).toBe("timed-out");
  });

  test("where nothing listens says so", async () => {
    const world = new ClientWorld();
    expect((await failureOf(cancelIn(world))).code).toBe("unreachable");
  });

  test("ends with the signal", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network, { answersError: false });
    const cancelled = cancelIn(world);
    await asked(server);
    world.stop.abort(new Error("enough"));
    expect(cancelled).rejects.toThrow("enough");
    await cancelled.catch(() => {});
    await world.settle();
    expect(world.network.connections).toEqual([]);
  });
});

// Receipts before judges that know nothing of us: Python's `cryptography` and OpenSSL, each with RFC 7515 done by hand.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { publicKeySet } from "../../src/receipts/key-chain.ts";
import { runProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { facts, keysAfter, receiptBy, server } from "./some-receipt.ts";

const judge = join(import.meta.dir, "judge_receipt.py");
const keys = keysAfter(2);
const receipt = receiptBy(keys);

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const pythonMissing = await missing(["python3", "-c", "import cryptography"]);
const opensslMissing = await missing(["openssl", "version"]);

async function missing(command: readonly [string, ...string[]]): Promise<boolean> {
  return await runProgram(command).then(
    ({ code }) => code !== 0,
    () => true,
  );
}

async function files(text: string): Promise<readonly [string, string]> {
  const paths = [folder.file("receipt"), folder.file("keys.jwks")] as const;
  await writeFile(paths[0], `${text}\n`);
  await writeFile(paths[1], publicKeySet(keys));
  return paths;
}

describe.skipIf(pythonMissing)("Python's cryptography (python3 and cryptography are there)", () => {
  const judged = async (text: string) => {
    const { code, stdout } = await runProgram(["python3", judge, ...(await files(text))]);
    return { code, said: code === 0 ? JSON.parse(stdout) : null };
  };

  test("takes a receipt by the server's list of keys, reads the same in it, and follows the changes of the key", async () => {
    const { code, said } = await judged(receipt);
    expect(code).toBe(0);
    expect(said).toEqual({ statement: { schema: 1, ...facts, server }, kid: keys.current.kid, links: 2 });
  });

  test("refuses it with another statement, or another signature", async () => {
    const [header = "", payload = "", signature = ""] = receipt.split(".");
    const other = Buffer.from(Buffer.from(payload, "base64url").toString().replace("anna", "bert"));
    expect((await judged([header, other.toString("base64url"), signature].join("."))).code).toBe(1);
    const bytes = Buffer.from(signature, "base64url");
    bytes[7] = (bytes[7] ?? 0) ^ 1;
    expect((await judged([header, payload, bytes.toString("base64url")].join("."))).code).toBe(1);
  });
});

describe.skipIf(opensslMissing)("OpenSSL (openssl is there)", () => {
  test("takes the signature by the key alone, and refuses it for a byte more", async () => {
    const [header = "", payload = "", signature = ""] = receipt.split(".");
    const paths = { key: folder.file("key.pem"), input: folder.file("input"), signature: folder.file("sig") };
    const key = createPublicKey({ key: { ...keys.current.publicJwk }, format: "jwk" });
    await writeFile(paths.key, key.export({ type: "spki", format: "pem" }));
    await writeFile(paths.signature, Buffer.from(signature, "base64url"));
    const verify = async (input: string) => {
      await writeFile(paths.input, input);
      const about = ["-rawin", "-in", paths.input, "-sigfile", paths.signature];
      const command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", paths.key, ...about] as const;
      return (await runProgram(command)).code;
    };
    expect(await verify(`${header}.${payload}`)).toBe(0);
    expect(await verify(`${header}.${payload}A`)).not.toBe(0);
  });
});

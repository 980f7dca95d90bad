// A certificate for this machine that signs itself, made by openssl: what browsers and programs have to be told to trust.

import { execFileSync } from "node:child_process";

/** Why there is none, for the name of a skipped test; `null` when one can be made. */
export const certificateMissing: string | null = Bun.which("openssl") === null ? "no openssl here" : null;

const thisMachine = ["DNS:localhost", "IP:127.0.0.1"];

/** Writes a certificate of these hosts, of this machine unless they are given, and its secret key, both as PEM. */
export function makeCertificate(
  certificate: string,
  key: string,
  hosts: readonly string[] = thisMachine,
): void {
  const subject = ["-subj", "/CN=localhost", "-addext", `subjectAltName=${hosts.join(",")}`];
  const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync("openssl", [...kind, ...subject, "-keyout", key, "-out", certificate], { stdio: "ignore" });
}

// A throw-away sshd on loopback for scp, rsync and rclone: own host key, own configuration, own authorized_keys,
// all in the peer's folder. It neither reads nor changes the machine's own configuration of ssh.

import { existsSync } from "node:fs";
import { chmod, mkdir, rmdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Program, runProgram, startProgram } from "../../test/support/programs.ts";

export interface Sshd extends AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  readonly knownHosts: string;
  /** For `ssh -F`: host `bench` is this server. */
  readonly clientConfig: string;
}

const sshdPath = "/usr/sbin/sshd";
const sftpServer = [
  "/usr/lib/openssh/sftp-server",
  "/usr/libexec/openssh/sftp-server",
  "/usr/lib/ssh/sftp-server",
];
// sshd insists on this folder, wherever its configuration lies.
const privilegeSeparationFolder = "/run/sshd";

/** Why there can be no sshd with `tool` here, or `null`. */
export function sshMissing(tool: string): string | null {
  if (!existsSync(sshdPath)) return `${sshdPath} is not installed`;
  return Bun.which(tool) === null ? `${tool} is not installed` : null;
}

export async function startSshd(folder: string): Promise<Sshd> {
  await mkdir(folder, { recursive: true });
  for (const name of ["host_key", "user_key"]) {
    await runProgram(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  }
  const port = await freePort();
  // Bun's os.userInfo() goes by the environment, which a container need not have.
  const user = (await runProgram(["id", "-un"])).stdout.trim();
  const hostKey = (await Bun.file(join(folder, "host_key.pub")).text()).trim();
  await writeFile(join(folder, "known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
  await writeFile(join(folder, "authorized_keys"), await Bun.file(join(folder, "user_key.pub")).text());
  await chmod(join(folder, "authorized_keys"), 0o600);
  await writeFile(join(folder, "sshd_config"), serverConfig(folder, port));
  await writeFile(join(folder, "ssh_config"), clientConfig(folder, port, user));
  const madeFolder = !existsSync(privilegeSeparationFolder) && process.getuid?.() === 0;
  if (madeFolder) await mkdir(privilegeSeparationFolder, { mode: 0o755 });
  const program = startProgram([sshdPath, "-D", "-e", "-f", join(folder, "sshd_config")]);
  await program.line(/Server listening/);
  return {
    program,
    port,
    user,
    keyFile: join(folder, "user_key"),
    knownHosts: join(folder, "known_hosts"),
    clientConfig: join(folder, "ssh_config"),
    async [Symbol.asyncDispose]() {
      await program.stop();
      if (madeFolder) await rmdir(privilegeSeparationFolder);
    },
  };
}

function serverConfig(folder: string, port: number): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(folder, "host_key")}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    `PidFile none`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    `Subsystem sftp ${sftpServer.find(existsSync) ?? "internal-sftp"}`,
    "",
  ].join("\n");
}

function clientConfig(folder: string, port: number, user: string): string {
  return [
    "Host bench",
    "  HostName 127.0.0.1",
    `  Port ${port}`,
    `  User ${user}`,
    `  IdentityFile ${join(folder, "user_key")}`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${join(folder, "known_hosts")}`,
    "  StrictHostKeyChecking yes",
    "  BatchMode yes",
    "",
  ].join("\n");
}

/** sshd cannot choose a port itself; between asking and using it somebody else could take it, then it fails loudly. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No free port");
  return address.port;
}

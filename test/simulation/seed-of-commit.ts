// The first of the seeds that a commit chooses: every commit tries others, and each failure can be repeated.

/** 28 bits of the name of the commit that is checked out in `root`; a fixed number where there is no repository. */
export function seedOfCommit(root: string): number {
  const git = Bun.spawnSync(["git", "rev-parse", "HEAD"], { cwd: root, stdout: "pipe", stderr: "ignore" });
  const name = git.stdout.toString().slice(0, 7);
  return /^[0-9a-f]{7}$/.test(name) ? Number.parseInt(name, 16) : 1_000_000;
}

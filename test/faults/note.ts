// Numbers that a long test measured, as one line each of its output; doc/reliability.md holds those of one run.

export function note(what: string, numbers: Readonly<Record<string, number | string>>): void {
  const fields = Object.entries(numbers).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`measured: ${what}: ${fields.join(", ")}\n`);
}

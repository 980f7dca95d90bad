// Memory that was given back and is looked at all the same is found out by what lies in it. Only where the environment variable
// DYNC_POISON is set, for developers: it costs as much as hashing.

const poisonByte = 0xdb;
// Data that looks like this at both ends is no data of anybody's.
const shownBytes = 64;

/** Whether memory that is given back is to be poisoned, and looked at again. */
export function poisons(environment: NodeJS.ProcessEnv = process.env): boolean {
  return (environment.DYNC_POISON ?? "") !== "";
}

/** Makes `bytes` what nobody takes for data. */
export function poison(bytes: Uint8Array): void {
  bytes.fill(poisonByte);
}

/** Whether `bytes` were poisoned, and nothing was written to either end since. */
export function isPoisoned(bytes: Uint8Array): boolean {
  return (
    bytes.length >= shownBytes &&
    bytes.subarray(0, shownBytes).every(isPoison) &&
    bytes.subarray(-shownBytes).every(isPoison)
  );
}

/** Whether somebody wrote to `bytes` after they were poisoned. */
export function isWrittenTo(bytes: Uint8Array): boolean {
  return !bytes.every(isPoison);
}

function isPoison(byte: number): boolean {
  return byte === poisonByte;
}

// Where the code of a thread is.

// Set in compiled programs, by build/compile.ts.
declare const DYNC_TARGET: string | undefined;

/**
 * The URL of a worker's code: `file` (`./x-worker.ts`) beside the module at `from` (its `import.meta.url`), which lies in `folder` of the project; in a
 * compiled program it is under that folder.
 */
export function workerUrl(file: string, folder: string, from: string): string {
  const isCompiled = typeof DYNC_TARGET !== "undefined";
  return new URL(isCompiled ? `${folder}/${file.replace(/\.ts$/, ".js")}` : file, from).href;
}

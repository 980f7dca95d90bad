// Runs under wine, in the runtime inside dync.exe: opens a file as instruments' programs do, says "open", appends a byte
// as soon as there is a file of the same name with ".go" behind it, says "written", and keeps it open until it is killed.
// Arguments: the file; "shared" or "alone".

const { existsSync, openSync, writeSync } = require("node:fs");
const { dlopen } = require("bun:ffi");

const [path, sharing] = process.argv.slice(2);
const file = sharing === "shared" ? openSync(path, "a") : openAlone();
process.stdout.write("open\n");
const timer = setInterval(() => {
  if (sharing !== "shared" || !existsSync(`${path}.go`)) return;
  writeSync(file, "x");
  process.stdout.write("written\n");
  clearInterval(timer);
  setInterval(() => {}, 1000);
}, 20);

/** Nobody else may open it meanwhile: no FILE_SHARE_ flag is set. */
function openAlone() {
  const { symbols } = dlopen("kernel32.dll", {
    CreateFileW: { args: ["ptr", "u32", "u32", "ptr", "u32", "u32", "ptr"], returns: "i64" },
  });
  const genericWrite = 0x40000000;
  const openExisting = 3;
  const name = Buffer.from(`${path}\0`, "utf16le");
  const handle = symbols.CreateFileW(name, genericWrite, 0, null, openExisting, 0, null);
  if (BigInt(handle) === -1n) throw new Error("not opened");
  return handle;
}

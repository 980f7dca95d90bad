// What build/compile.ts puts behind `dync:libzmq`: the path of an embedded file.

declare module "dync:libzmq" {
  const path: string;
  // biome-ignore lint/style/noDefaultExport: that is how Bun exports the path of an embedded file.
  export default path;
}

// What compile.ts puts behind `dync:libzmq`, which src/transport/zmq/embedded-library.ts imports: the path of an
// embedded file.

declare module "dync:libzmq" {
  const path: string;
  // biome-ignore lint/style/noDefaultExport: that is how Bun exports the path of an embedded file.
  export default path;
}

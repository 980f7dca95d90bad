// Files of the page, which are in the executables as they are.
declare module "*.js" {
  const text: string;

  export { text as default };
}
declare module "*.mjs" {
  const text: string;

  export { text as default };
}
declare module "*.css" {
  const text: string;

  export { text as default };
}
declare module "*.svg" {
  const text: string;

  export { text as default };
}

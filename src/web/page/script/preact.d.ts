// The types of what the server hands out as `script/preact.js`.
export * from "preact";

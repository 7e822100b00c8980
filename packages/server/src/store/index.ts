// The Store contract by name, for suites and other packages; no code.
export type * from "./store.ts";

// For the scripts that take pictures.
export { RunnerProcess } from "../runner-process.ts";
export { listPackages } from "../tasks/list-packages.ts";
export { findToolchains, setUpPolyglot } from "./set-up.ts";

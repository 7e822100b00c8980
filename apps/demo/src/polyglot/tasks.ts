// What the TypeScript runner of a mixed audit can do; the other tasks are in ../../polyglot.
export { listPackages } from "../tasks/list-packages.ts";

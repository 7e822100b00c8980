import { existsSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";
import { problemsOf } from "./command.ts";

/** The protocol as last released: a compiled image, made by `npm run generate -- --baseline` at a release. */
export const baselineImage = "proto/baseline.binpb";

/** The protocol's own rules. */
export const protoLintCheck: Check = {
  name: "buf-lint",
  promise: "the protocol keeps buf's STANDARD and COMMENTS rules",
  run: (root) => problemsOf(root, "buf", ["lint", "proto"]),
};

/** The protocol's layout. */
export const protoFormatCheck: Check = {
  name: "buf-format",
  promise: "proto files are formatted",
  run: (root) => problemsOf(root, "buf", ["format", "--diff", "--exit-code", "proto"]),
};

/** Compatibility with what clients in the field were generated from. */
export const protoBreakingCheck: Check = {
  name: "buf-breaking",
  promise: `nothing in the protocol breaks clients of the release in ${baselineImage}`,
  async run(root) {
    if (!existsSync(path.join(root, baselineImage))) {
      return [`${baselineImage} is missing; make it with \`npm run generate -- --baseline\``];
    }
    return problemsOf(root, "buf", ["breaking", "proto", "--against", baselineImage]);
  },
};

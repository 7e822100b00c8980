import type { Check } from "./check.ts";
import { cyclesCheck } from "./cycles.ts";
import { dependenciesCheck } from "./dependencies.ts";
import { envCheck } from "./env.ts";
import { generatedCheck } from "./generated.ts";
import { layersCheck } from "./layers.ts";
import { namesCheck } from "./names.ts";
import { protoBreakingCheck, protoFormatCheck, protoLintCheck } from "./proto.ts";
import { sizesCheck } from "./sizes.ts";
import { deadCodeCheck, formatCheck, typesCheck } from "./tools.ts";

/** Every check, the slow ones first, so that they overlap with the rest. */
export const allChecks: readonly Check[] = [
  typesCheck,
  deadCodeCheck,
  formatCheck,
  generatedCheck,
  protoLintCheck,
  protoFormatCheck,
  protoBreakingCheck,
  layersCheck,
  dependenciesCheck,
  cyclesCheck,
  sizesCheck,
  namesCheck,
  envCheck,
];

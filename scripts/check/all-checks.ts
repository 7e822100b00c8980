import { changesetsCheck } from "./changesets.ts";
import type { Check } from "./check.ts";
import { cyclesCheck } from "./cycles.ts";
import { dependenciesCheck } from "./dependencies.ts";
import { docsPagesCheck } from "./docs-pages.ts";
import { envCheck } from "./env.ts";
import { generatedCheck } from "./generated.ts";
import { layersCheck } from "./layers.ts";
import { manifestsCheck } from "./manifests.ts";
import { namesCheck } from "./names.ts";
import { packedCheck } from "./packed.ts";
import { promisesCheck } from "./promises.ts";
import { protoBreakingCheck, protoFormatCheck, protoLintCheck } from "./proto.ts";
import { sizesCheck } from "./sizes.ts";
import { snippetsCheck } from "./snippets.ts";
import { deadCodeCheck, formatCheck, typesCheck } from "./tools.ts";
import { vectorsCheck } from "./vectors.ts";
import { wordsCheck } from "./words.ts";

/** Every check, the slow ones first, so that they overlap with the rest. */
export const allChecks: readonly Check[] = [
  packedCheck,
  typesCheck,
  snippetsCheck,
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
  manifestsCheck,
  changesetsCheck,
  docsPagesCheck,
  promisesCheck,
  vectorsCheck,
  wordsCheck,
];

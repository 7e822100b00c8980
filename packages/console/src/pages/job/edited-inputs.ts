import type { Task } from "@spanloom/protocol";
import { payloadBytes, payloadText } from "../../text/payload.ts";

/**
 * The inputs of a clone that differ from its original's, by the places of their roots; `texts` are what was typed, by the
 * roots' ids.
 *
 * Errors: SyntaxError when one is not JSON.
 */
export function editedInputs(
  roots: readonly Pick<Task, "id" | "input">[],
  texts: Readonly<Record<string, string>>,
): Record<number, Uint8Array<ArrayBuffer>> {
  const edited = roots.flatMap(({ id, input }, place) => {
    const text = texts[id];
    return text === undefined || text === payloadText(input) ? [] : [[place, payloadBytes(text)] as const];
  });
  return Object.fromEntries(edited);
}

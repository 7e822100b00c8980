import { SpanloomError } from "@spanloom/protocol";
import { encodePayload } from "./codec.ts";

/**
 * Inputs of a clone's roots as they are sent, by the roots' places.
 *
 * Errors: INVALID_FIELD when a key is no place, or JSON cannot express an input.
 */
export function cloneInputs(jobId: string, inputs: Readonly<Record<number, unknown>>): Record<number, Uint8Array> {
  const owner = `cannot clone job "${jobId}"`;
  const encoded = Object.entries(inputs).map(([place, input]) => {
    if (!/^\d{1,9}$/.test(place)) {
      const message = `${owner}: inputs has the key "${place}", must be the place of a root, 0 being the first`;
      throw new SpanloomError("INVALID_FIELD", message, { field: "inputs" });
    }
    return [place, encodePayload(input, owner)] as const;
  });
  return Object.fromEntries(encoded);
}

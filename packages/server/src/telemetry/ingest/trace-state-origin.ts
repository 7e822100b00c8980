import { hexToBytes, originOf } from "@spanloom/protocol";

/** An attempt as its columns store it. */
export interface OriginBytes {
  jobId: Uint8Array;
  taskId: Uint8Array;
  attempt: number;
}

const decoder = new TextDecoder();

/**
 * What trace states say of their records' attempts.
 *
 * The last one is remembered as bytes, as spans of an attempt mostly arrive together: comparing costs a tenth of reading.
 */
export class TraceStateOrigin {
  #traceState = new Uint8Array();
  #origin: OriginBytes | undefined;

  /** The attempt that the trace state `bytes[start, end)` names; undefined when it names none. */
  read(bytes: Uint8Array, start: number, end: number): OriginBytes | undefined {
    if (start === end) return undefined;
    if (!this.#isLast(bytes, start, end)) {
      // A copy: slice of a Buffer is a view, and the payload may be written over.
      this.#traceState = new Uint8Array(bytes.subarray(start, end));
      this.#origin = parse(decoder.decode(this.#traceState));
    }
    return this.#origin;
  }

  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const last = this.#traceState;
    if (last.length !== end - start) return false;
    for (let i = 0; i < last.length; i++) if (last[i] !== bytes[start + i]) return false;
    return true;
  }
}

function parse(traceState: string): OriginBytes | undefined {
  const origin = originOf(traceState);
  return origin && { jobId: idBytes(origin.jobId), taskId: idBytes(origin.taskId), attempt: origin.attempt };
}

function idBytes(uuid: string): Uint8Array {
  return hexToBytes(uuid.replaceAll("-", ""));
}

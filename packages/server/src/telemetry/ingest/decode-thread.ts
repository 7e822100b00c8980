import { parentPort, workerData } from "node:worker_threads";
import { SpanloomError } from "@spanloom/protocol";
import { freeNow } from "../../free-now.ts";
import { lowerThreadPriority } from "../background-priority.ts";
import type { DecodeReply, DecodeRequest, DecodeSettings } from "./decode-messages.ts";
import { RowBatches } from "./row-batches.ts";

/** The thread that decodes OTLP: requests come in by the port and are answered in turn. */

lowerThreadPriority();

const port = parentPort!;
const batches = new RowBatches(workerData as DecodeSettings);

port.on("message", (request: DecodeRequest) => {
  if (request.kind === "recycle") {
    batches.recycle(request.buffers);
    return;
  }
  port.postMessage(answer(request));
  // They lie in one buffer, which came with the request.
  if ("payloads" in request && request.payloads[0]) freeNow(new Uint8Array(request.payloads[0].bytes.buffer));
});

function answer(request: Exclude<DecodeRequest, { kind: "recycle" }>): DecodeReply {
  try {
    return { answer: batches.answer(request) };
  } catch (error) {
    if (!(error instanceof SpanloomError)) return { defect: error instanceof Error ? `${error.stack}` : String(error) };
    const { reason, message, facts } = error;
    return { error: { reason, message, facts } };
  }
}

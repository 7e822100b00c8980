import { parentPort, workerData } from "node:worker_threads";
import { matchBatch } from "../engine/trigger/match-batch.ts";
import type { MatchReply, MatchRequest, MatchSettings } from "./match-messages.ts";

/** The thread that evaluates expressions of triggers: one that runs for ever is ended with it. */

const port = parentPort!;
const { progress } = workerData as MatchSettings;

port.on("message", (batch: MatchRequest) => {
  const reply = answer(batch);
  port.postMessage(reply, "matches" in reply ? [reply.matches.inputs.buffer as ArrayBuffer] : []);
});

function answer(batch: MatchRequest): MatchReply {
  try {
    return { matches: matchBatch(batch, cpuUs, noteProgress) };
  } catch (error) {
    return { defect: error instanceof Error ? `${error.stack}` : String(error) };
  }
}

function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function noteProgress(event: number, trigger: number): void {
  progress[1] = event;
  progress[2] = trigger;
  progress[0]! += 1;
}

import { Worker } from "node:worker_threads";
import { SpanloomError } from "@spanloom/protocol";
import type { OtlpPayload } from "../telemetry.ts";
import type { BatchRows, DecodeAnswers, DecodeReply, DecodeRequest, DecodeSettings } from "./decode-messages.ts";

/** What the thread needs, and who hears that it was lost. */
export interface ThreadDecoderOptions {
  writer: bigint;
  /** Number of the first payload that a new thread takes. */
  nextSeq: () => number;
  /** Called when the thread died and its rows with it, before what it was asked for is refused. */
  onLost: (error: unknown) => void;
}

type Kind = keyof DecodeAnswers;
type Question<K extends Kind> = Extract<DecodeRequest, { kind: K }>;

/** Hears the answer, or what went wrong. */
interface Hearer {
  answer: (answer: DecodeAnswers[Kind]) => void;
  fail: (error: unknown) => void;
}

/**
 * The thread that decodes OTLP into rows: with it the main thread is free for the control plane however much comes in.
 *
 * I1. Questions are answered in the order in which they were asked, and `hear` is called with an answer before any later
 *     answer is heard of.
 * I2. It starts with the first question at the latest, and again after it died. What was asked of a thread that dies is
 *     refused.
 */
export class ThreadDecoder {
  readonly #options: ThreadDecoderOptions;
  #worker: Worker | undefined;
  #hearers: Hearer[] = [];
  #stopped = false;

  constructor(options: ThreadDecoderOptions) {
    this.#options = options;
  }

  /** Starts the thread, which takes some tenths of a second, before it is asked for anything. */
  start(): void {
    this.#worker ??= this.#run();
  }

  /** Asks for something. The answer is what `hear` makes of the thread's. Errors: of the thread, and of `hear`. */
  ask<K extends Kind, Heard>(question: Question<K>, hear: (answer: DecodeAnswers[K]) => Heard): Promise<Heard> {
    if (this.#stopped) return Promise.reject(shuttingDown());
    this.start();
    const { promise, resolve, reject } = Promise.withResolvers<Heard>();
    this.#hearers.push({
      answer: (answer) => {
        try {
          resolve(hear(answer as DecodeAnswers[K]));
        } catch (error) {
          reject(error);
        }
      },
      fail: reject,
    });
    const { message, transfer } = toPost(question);
    this.#worker?.postMessage(message, transfer);
    return promise;
  }

  /** Gives rows' memory back for the next batches. */
  recycle({ buffers }: BatchRows): void {
    if (buffers.length === 0) return;
    const request: DecodeRequest = { kind: "recycle", buffers };
    this.#worker?.postMessage(request);
  }

  /** Ends the thread. What was not answered is refused. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker?.terminate();
    for (const { fail } of this.#hearers.splice(0)) fail(shuttingDown());
  }

  #run(): Worker {
    // Where the program runs from sources, so does the thread.
    const file = import.meta.url.endsWith(".ts") ? "./decode-thread.ts" : "./decode-thread.js";
    const settings: DecodeSettings = { writer: this.#options.writer, nextSeq: this.#options.nextSeq() };
    const worker = new Worker(new URL(file, import.meta.url), {
      name: "spanloom-decode",
      workerData: settings,
      // What the program preloads, e.g. instrumentation, is not for this thread.
      execArgv: [],
    });
    worker.on("message", (reply: DecodeReply) => worker === this.#worker && this.#heard(reply));
    worker.on("messageerror", (error) => this.#lost(worker, error));
    worker.on("error", (error) => this.#lost(worker, error));
    worker.on("exit", (code) => this.#lost(worker, new Error(`the thread ended with ${code}`)));
    return worker;
  }

  #heard(reply: DecodeReply): void {
    const hearer = this.#hearers.shift();
    if ("answer" in reply) hearer?.answer(reply.answer);
    else if ("defect" in reply) hearer?.fail(new Error(`in the decoding thread: ${reply.defect}`));
    else hearer?.fail(new SpanloomError(reply.error.reason, reply.error.message, reply.error.facts));
  }

  #lost(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker || this.#stopped) return;
    this.#worker = undefined;
    void worker.terminate();
    const hearers = this.#hearers;
    this.#hearers = [];
    this.#options.onLost(cause);
    const why = cause instanceof Error ? cause.message : String(cause);
    for (const { fail } of hearers)
      fail(
        new SpanloomError("OVERLOADED", `cannot decode telemetry: ${why}`, { retryAfterMs: RETRY_AFTER_MS }, { cause }),
      );
  }
}

const RETRY_AFTER_MS = 1_000;

function shuttingDown(): SpanloomError {
  return new SpanloomError("SHUTTING_DOWN", "cannot decode telemetry: the server is shutting down");
}

/** A question with copies of its payloads, which move: whoever has the payloads goes on using them, the spool for one. */
function toPost<Q extends DecodeRequest>(question: Q): { message: Q; transfer: ArrayBuffer[] } {
  if (!("payloads" in question)) return { message: question, transfer: [] };
  const size = question.payloads.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const buffer = new ArrayBuffer(size);
  let at = 0;
  const payloads = question.payloads.map(({ signal, bytes }): OtlpPayload => {
    const copy = new Uint8Array(buffer, at, bytes.length);
    copy.set(bytes);
    at += bytes.length;
    return { signal, bytes: copy };
  });
  return { message: { ...question, payloads }, transfer: [buffer] };
}

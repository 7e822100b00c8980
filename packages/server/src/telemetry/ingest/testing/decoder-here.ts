import { setImmediate as nextTurn } from "node:timers/promises";
import { SpanloomError } from "@spanloom/protocol";
import type { BatchRows, DecodeAnswers, DecodeRequest } from "../decode-messages.ts";
import type { Decoder } from "../drainer.ts";
import { RowBatches } from "../row-batches.ts";
import type { ThreadDecoderOptions } from "../thread-decoder.ts";

/** Test fixture: does in this thread what the thread that decodes does, turns of the event loop later, and dies when told. */
export class DecoderHere implements Decoder {
  readonly #options: ThreadDecoderOptions;
  readonly #fullRows: number | undefined;
  #batches: RowBatches | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    options: ThreadDecoderOptions = { writer: 0n, nextSeq: () => 1, onLost: () => undefined },
    fullRows?: number,
  ) {
    this.#options = options;
    this.#fullRows = fullRows;
  }

  start(): void {
    const { writer, nextSeq } = this.#options;
    this.#batches ??= new RowBatches({ writer, nextSeq: nextSeq() }, this.#fullRows);
  }

  ask<K extends keyof DecodeAnswers, Heard>(
    question: Extract<DecodeRequest, { kind: K }>,
    hear: (answer: DecodeAnswers[K]) => Heard,
  ): Promise<Heard> {
    this.start();
    const asked = this.#batches;
    const heard = this.#last.then(async () => {
      await nextTurn();
      if (!asked || asked !== this.#batches) throw new SpanloomError("OVERLOADED", "cannot decode: it died");
      return hear(asked.answer(question as Parameters<RowBatches["answer"]>[0]) as DecodeAnswers[K]);
    });
    this.#last = heard.catch(() => undefined); // whoever asked is told
    return heard;
  }

  recycle({ buffers }: BatchRows): void {
    this.#batches?.recycle(buffers);
  }

  /** Loses all rows. */
  die(): void {
    if (!this.#batches) return;
    this.#batches = undefined;
    this.#options.onLost(new Error("told to die"));
  }

  async stop(): Promise<void> {
    await this.#last;
  }
}

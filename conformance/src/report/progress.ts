import type { CaseResult } from "../run/subject.ts";

/** A line that tells how far a run is; drawn on terminals alone. */
export class Progress {
  readonly #output: { write(text: string): void; isTTY: boolean };
  readonly #total: number;
  #done = 0;
  #failed = 0;

  constructor(output: { write(text: string): void; isTTY: boolean }, total: number) {
    this.#output = output;
    this.#total = total;
  }

  /** Counts a result and draws. */
  add(result: CaseResult): void {
    this.#done++;
    if (result.failure) this.#failed++;
    if (this.#output.isTTY)
      this.#output.write(`${this.#done}/${this.#total} runs${this.#failed > 0 ? `, ${this.#failed} failed` : ""}`);
  }

  /** Takes the line away, so that others may be written. */
  clear(): void {
    if (this.#output.isTTY) this.#output.write("\r\u001b[K");
  }
}

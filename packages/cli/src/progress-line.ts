import { clip } from "@spanloom/query";
import type { CliContext } from "./cli-context.ts";
import { oneLine } from "./text/text-table.ts";

/** How a line of progress behaves. */
export interface ProgressLineOptions {
  /** On a terminal it is taken away at the end, and elsewhere it is not shown at all. */
  transient?: boolean;
}

/**
 * One line on the standard error that is rewritten in place on a terminal; elsewhere each new text is a line.
 *
 * Standard output stays free for what a command answers.
 */
export class ProgressLine {
  readonly #context: CliContext;
  readonly #transient: boolean;
  #last = "";

  constructor(context: CliContext, { transient = false }: ProgressLineOptions = {}) {
    this.#context = context;
    this.#transient = transient;
  }

  /** Shows a text, unless it is the one shown. */
  show(text: string): void {
    const { stderr } = this.#context;
    if (text === this.#last || (this.#transient && !stderr.isTTY)) return;
    this.#last = text;
    const line = oneLine(text);
    stderr.write(stderr.isTTY ? `\r\u001b[K${clip(line, Math.max(stderr.columns - 1, 1))}` : `${line}\n`);
  }

  /** Leaves the line. */
  end(): void {
    const { stderr, signal } = this.#context;
    // Ctrl-C has left it already.
    if (this.#last !== "" && stderr.isTTY && !signal.aborted) stderr.write(this.#transient ? "\r\u001b[K" : "\n");
    this.#last = "";
  }
}

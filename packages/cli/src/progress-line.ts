import type { CliContext } from "./cli-context.ts";

/**
 * One line on the standard error that is rewritten in place on a terminal; elsewhere each new text is a line.
 *
 * Standard output stays free for what a command answers.
 */
export class ProgressLine {
  readonly #context: CliContext;
  #last = "";

  constructor(context: CliContext) {
    this.#context = context;
  }

  /** Shows a text, unless it is the one shown. */
  show(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    const { stderr } = this.#context;
    stderr.write(stderr.isTTY ? `\r\u001b[K${text.slice(0, Math.max(stderr.columns - 1, 20))}` : `${text}\n`);
  }

  /** Leaves the line. */
  end(): void {
    if (this.#last !== "" && this.#context.stderr.isTTY) this.#context.stderr.write("\n");
    this.#last = "";
  }
}

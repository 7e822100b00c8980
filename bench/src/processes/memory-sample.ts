/** What a program's memory and log look like. */
export interface MemorySample {
  rssMb: number;
  heapMb: number;
  /** Lines it logged since the last sample: none is expected. */
  log: readonly string[];
}

/** Keeps what a program logs until it is asked for. */
export class LogTap {
  #lines: string[] = [];

  /** Takes a line. */
  readonly log = (line: string): void => {
    process.stderr.write(`${line}\n`);
    this.#lines.push(line);
  };

  /** The call `memory` of a program: collects garbage first when asked and when node was started with --expose-gc. */
  sample({ collect }: { collect: boolean }): MemorySample {
    if (collect) globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const log = this.#lines;
    this.#lines = [];
    return { rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20, log };
  }
}

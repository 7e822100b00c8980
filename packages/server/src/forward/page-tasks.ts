import type { TaskFacts } from "@spanloom/exporter";
import { bytesToHex } from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import type { ArrowBatch } from "../telemetry/columnar/span-store.ts";
import type { Arrivals, TaskSpan } from "../telemetry/telemetry.ts";
import { cellsOf } from "./cells.ts";
import { linksOf } from "./otlp-batch.ts";

/**
 * What is known of the tasks that spans of a page hang below or lead to, whether or not those tasks are in the page.
 *
 * Only who leaves the spans of tasks out asks for them, and then the store is asked twice a page: for the tasks of its
 * attempts, and for those that their links lead to.
 */
export class PageTasks {
  readonly #arrivals: Pick<Arrivals, "tasks">;
  readonly #page: readonly ArrowBatch[];
  readonly #facts = new Map<string, TaskFacts>();
  #isAsked = false;
  #isLoaded = false;

  constructor(arrivals: Pick<Arrivals, "tasks">, page: readonly ArrowBatch[]) {
    this.#arrivals = arrivals;
    this.#page = page;
  }

  /** A task by its span id; undefined before {@link load}. */
  readonly find = (spanId: string): TaskFacts | undefined => {
    this.#isAsked = true;
    return this.#facts.get(spanId);
  };

  /** Whether somebody asked who could not be told yet. */
  get isWanted(): boolean {
    return this.#isAsked && !this.#isLoaded;
  }

  /** Reads all that may be asked for. Errors: TELEMETRY_UNAVAILABLE. */
  async load(): Promise<void> {
    await this.#read(tasksOfAttempts(this.#page));
    await this.#read(dependenciesOf(this.#facts.values()).filter(({ span }) => !this.#facts.has(span)));
    this.#isLoaded = true;
  }

  async #read(tasks: readonly TaskSpan[]): Promise<void> {
    for (const { ipc } of await this.#arrivals.tasks(tasks)) {
      for (const batch of tableFromIPC(ipc).batches) {
        const cells = cellsOf(batch);
        const [span, parent, lastAttempt] = [cells.text("span"), cells.text("parent"), cells.count("last_attempt")];
        const links = linksOf(cells);
        for (let row = 0; row < batch.numRows; row++)
          this.#facts.set(span(row), {
            parentSpanId: parent(row),
            lastAttempt: lastAttempt(row),
            links: links(row),
          });
      }
    }
  }
}

/** The tasks that attempts of a page are of. */
function tasksOfAttempts(page: readonly ArrowBatch[]): TaskSpan[] {
  const tasks = new Map<string, TaskSpan>();
  for (const { ipc } of page) {
    for (const batch of tableFromIPC(ipc).batches) {
      const cells = cellsOf(batch);
      const [type, trace, parent] = [cells.text("type"), cells.text("trace"), cells.text("parent")];
      for (let row = 0; row < batch.numRows; row++)
        if (type(row) === "attempt") tasks.set(parent(row), { trace: trace(row), span: parent(row) });
    }
  }
  return [...tasks.values()];
}

function dependenciesOf(facts: Iterable<TaskFacts>): TaskSpan[] {
  const tasks = new Map<string, TaskSpan>();
  for (const { links } of facts) {
    for (const { traceId, spanId } of links) {
      const span = bytesToHex(spanId);
      tasks.set(span, { trace: bytesToHex(traceId), span });
    }
  }
  return [...tasks.values()];
}

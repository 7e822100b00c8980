import { attributeNames, type LeasedTask } from "@spanloom/protocol";
import { writeAttribute } from "./encode-attributes.ts";
import type { ProtoWriter } from "./proto-writer.ts";
import type { RecordSuffix } from "./record-block.ts";
import { borrowWriter, giveBack } from "./write-bounded.ts";

/** Attributes every user span of an attempt carries, by name. */
export function attributesOf(task: LeasedTask, runnerId: string): Record<string, string | number> {
  return {
    ...attributesOfKind(task, runnerId),
    [attributeNames.taskId]: task.taskId,
    [attributeNames.spanType]: "user",
  };
}

function attributesOfKind(task: LeasedTask, runnerId: string): Record<string, string | number> {
  return {
    [attributeNames.taskAttempt]: task.attempt,
    [attributeNames.jobId]: task.jobId,
    [attributeNames.jobName]: task.jobName,
    [attributeNames.taskName]: task.identifier?.name ?? "",
    [attributeNames.taskVersion]: task.identifier?.version ?? "",
    [attributeNames.queue]: task.queue,
    [attributeNames.runnerId]: runnerId,
  };
}

/** Names of these attributes; spans of an application's provider have them, too. */
export const sharedNames: ReadonlySet<string> = new Set([
  attributeNames.jobId,
  attributeNames.jobName,
  attributeNames.taskId,
  attributeNames.taskName,
  attributeNames.taskVersion,
  attributeNames.taskAttempt,
  attributeNames.queue,
  attributeNames.runnerId,
  attributeNames.spanType,
]);

/** Field numbers of attributes in Span and LogRecord. */
const FIELDS = { span: 9, log: 6 } as const;

/**
 * What all records of an attempt end with.
 *
 * Attempts mostly come in runs of one job and task: what these share is encoded once, which leaves one attribute each.
 */
export class SharedFields {
  readonly #runnerId: string;
  readonly #signal: "span" | "log";
  #last: { jobId: string; name: string; version: string; queue: string; attempt: number } | undefined;
  #ofKind: Uint8Array = new Uint8Array();

  constructor(runnerId: string, signal: "span" | "log") {
    this.#runnerId = runnerId;
    this.#signal = signal;
  }

  /** The fields of one attempt; with `traceState`, which a span has as its field 3. */
  of(task: LeasedTask, traceState = ""): RecordSuffix {
    return new AttemptFields(FIELDS[this.#signal], task, traceState, this.#encodeKind(task));
  }

  #encodeKind(task: LeasedTask): Uint8Array {
    const { jobId, queue, attempt } = task;
    const { name = "", version = "" } = task.identifier ?? {};
    const last = this.#last;
    const isAlike = last?.jobId === jobId && last.attempt === attempt && last.queue === queue;
    if (isAlike && last.name === name && last.version === version) return this.#ofKind;
    const writer = borrowWriter();
    writer.unbound();
    const field = FIELDS[this.#signal];
    for (const entry of Object.entries(attributesOfKind(task, this.#runnerId))) writeAttribute(writer, field, entry);
    if (this.#signal === "span") writeAttribute(writer, field, [attributeNames.spanType, "user"]);
    this.#last = { jobId, name, version, queue, attempt };
    this.#ofKind = writer.take();
    giveBack(writer);
    return this.#ofKind;
  }
}

/** The fields of one attempt, written when a request is made: until then they are no bytes of their own. */
class AttemptFields implements RecordSuffix {
  readonly length: number;
  readonly #field: number;
  readonly #taskId: string;
  readonly #traceState: string;
  readonly #ofKind: Uint8Array;

  constructor(field: number, { taskId }: LeasedTask, traceState: string, ofKind: Uint8Array) {
    this.length = ofKind.length + traceState.length + ATTRIBUTE_BYTES;
    this.#field = field;
    this.#taskId = taskId;
    this.#traceState = traceState;
    this.#ofKind = ofKind;
  }

  writeTo(writer: ProtoWriter): void {
    writer.unbound();
    writer.string(3, this.#traceState);
    writeAttribute(writer, this.#field, [attributeNames.taskId, this.#taskId]);
    writer.raw(this.#ofKind);
  }
}

/** About what the attribute of an attempt takes, and the trace state's tag and length. */
const ATTRIBUTE_BYTES = 64;

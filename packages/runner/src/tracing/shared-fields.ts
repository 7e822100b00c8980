import { attributeNames, type LeasedTask } from "@spanloom/protocol";
import { writeAttribute } from "./encode-attributes.ts";
import type { ProtoWriter } from "./proto-writer.ts";
import { borrowWriter, giveBack } from "./write-bounded.ts";

/** Attributes every user span of an attempt carries, by name. */
export function attributesOf(task: LeasedTask, runnerId: string): Record<string, string | number> {
  return {
    ...attributesOfKind(task, runnerId),
    [attributeNames.taskId]: task.taskId,
    [attributeNames.taskAttempt]: task.attempt,
    [attributeNames.spanType]: "user",
  };
}

function attributesOfKind(task: LeasedTask, runnerId: string): Record<string, string> {
  return {
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
 * Encodes what all records of an attempt end with.
 *
 * Attempts mostly come in runs of one job and task: what these share is encoded once, which leaves two attributes each.
 */
export class SharedFields {
  readonly #runnerId: string;
  readonly #signal: "span" | "log";
  #last: { jobId: string; name: string; version: string; queue: string } | undefined;
  #ofKind: Uint8Array = new Uint8Array();

  constructor(runnerId: string, signal: "span" | "log") {
    this.#runnerId = runnerId;
    this.#signal = signal;
  }

  /** The fields of one attempt; with `traceState`, which a span has as its field 3. */
  encode(task: LeasedTask, traceState = ""): Uint8Array {
    const ofKind = this.#encodeKind(task);
    const writer = borrowWriter();
    writer.unbound();
    writer.string(3, traceState);
    const field = FIELDS[this.#signal];
    writeAttribute(writer, field, [attributeNames.taskId, task.taskId]);
    writeAttribute(writer, field, [attributeNames.taskAttempt, task.attempt]);
    writer.raw(ofKind);
    return take(writer);
  }

  #encodeKind(task: LeasedTask): Uint8Array {
    const { jobId, queue } = task;
    const { name = "", version = "" } = task.identifier ?? {};
    const last = this.#last;
    if (last?.jobId === jobId && last.name === name && last.version === version && last.queue === queue) {
      return this.#ofKind;
    }
    const writer = borrowWriter();
    writer.unbound();
    const field = FIELDS[this.#signal];
    for (const entry of Object.entries(attributesOfKind(task, this.#runnerId))) writeAttribute(writer, field, entry);
    if (this.#signal === "span") writeAttribute(writer, field, [attributeNames.spanType, "user"]);
    this.#last = { jobId, name, version, queue };
    this.#ofKind = take(writer);
    return this.#ofKind;
  }
}

function take(writer: ProtoWriter): Uint8Array {
  const bytes = writer.take();
  giveBack(writer);
  return bytes;
}

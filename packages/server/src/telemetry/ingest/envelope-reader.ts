import { MapColumn } from "../columns/nested-column.ts";
import { Utf8Column } from "../columns/utf8-column.ts";
import { type AttributeSink, readAttribute } from "./attribute-reader.ts";
import { RecordOrigin } from "./record-origin.ts";
import { Retention } from "./retention.ts";
import { eachMessage, type WireReader } from "./wire-reader.ts";

/** Most bytes that a payload's resources and scopes may become: a large resource and many small records make gigabytes. */
const MAX_COPIED_BYTES = 128 * 1024 * 1024;

/** What a payload took and refused. */
export interface ReadOutcome {
  /** Records appended. */
  accepted: number;
  /** Records refused, each by itself. */
  rejected: number;
  /** Why the first was refused; empty when none was. */
  message: string;
}

/**
 * What the records of a resource and scope share, encoded once: each record copies the finished bytes; and how old they may be.
 */
export class Envelope {
  readonly resource = attributeSink();
  readonly scope = attributeSink();
  /** One row each: the scope's name and version. */
  readonly scopeName = new Utf8Column();
  readonly scopeVersion = new Utf8Column();
  readonly origin = new RecordOrigin();
  readonly retention = new Retention();

  /** Bytes that each record copies. Values of the resource may be copied to columns of their own, too. */
  byteSize(): number {
    const { resource, scope, scopeName, scopeVersion } = this;
    return 2 * sinkBytes(resource) + sinkBytes(scope) + scopeName.byteSize() + scopeVersion.byteSize();
  }
}

function sinkBytes({ attributes, attribute_types: types }: AttributeSink): number {
  return attributes.byteSize() + types.byteSize();
}

function attributeSink(): AttributeSink {
  return { attributes: new MapColumn(), attribute_types: new MapColumn() };
}

function clear(sink: AttributeSink): void {
  sink.attributes.truncate(0);
  sink.attribute_types.truncate(0);
}

/** Reads one record that ends at `end`. */
export type RecordReader = (r: WireReader, end: number) => void;

/**
 * Walks an Export{Trace,Logs}ServiceRequest: both are resource > scope > record with the same field numbers.
 *
 * Errors: INVALID_FIELD naming the offset when the bytes are not protobuf; LIMIT_EXCEEDED when they are far more in
 * columns than they are sent.
 */
export function readEnvelopes(r: WireReader, envelope: Envelope, readRecord: RecordReader): void {
  let copiedBytes = 0;
  eachMessage(r, r.bytes.length, 0x0a, (resourceEnd) => {
    const start = r.pos;
    readResource(r, resourceEnd, envelope);
    r.pos = start;
    eachMessage(r, resourceEnd, 0x12, (scopeEnd) => {
      const scopeStart = r.pos;
      readScope(r, scopeEnd, envelope);
      r.pos = scopeStart;
      const copied = envelope.byteSize();
      eachMessage(r, scopeEnd, 0x12, (recordEnd) => {
        r.item();
        copiedBytes += copied;
        if (copiedBytes > MAX_COPIED_BYTES)
          throw r.tooMuch(
            `resources and scopes would take more than ${MAX_COPIED_BYTES} bytes, one copy for each record`,
          );
        readRecord(r, recordEnd);
      });
    });
  });
}

function readResource(r: WireReader, end: number, envelope: Envelope): void {
  const { resource, origin } = envelope;
  clear(resource);
  origin.startResource(resource.attributes);
  eachMessage(r, end, 0x0a, (resourceEnd) => {
    eachMessage(r, resourceEnd, 0x0a, (attributeEnd) => {
      readAttribute(r, attributeEnd, resource, origin.onResourceAttribute);
    });
  });
}

function readScope(r: WireReader, end: number, envelope: Envelope): void {
  const { scope, scopeName, scopeVersion } = envelope;
  clear(scope);
  scopeName.truncate(0);
  scopeVersion.truncate(0);
  eachMessage(r, end, 0x0a, (scopeEnd) => {
    const start = r.pos;
    eachMessage(r, scopeEnd, 0x0a, (nameEnd) => replace(scopeName, r, nameEnd));
    r.pos = start;
    eachMessage(r, scopeEnd, 0x12, (versionEnd) => replace(scopeVersion, r, versionEnd));
    r.pos = start;
    eachMessage(r, scopeEnd, 0x1a, (attributeEnd) => readAttribute(r, attributeEnd, scope));
  });
  if (scopeName.length === 0) scopeName.appendText("");
  if (scopeVersion.length === 0) scopeVersion.appendText("");
}

function replace(column: Utf8Column, r: WireReader, end: number): void {
  column.truncate(0);
  column.append(r.bytes, r.pos, end);
}

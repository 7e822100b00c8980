import { MapColumn } from "../columns/nested-column.ts";
import type { EnvelopeColumns } from "../columns/span-columns.ts";
import { Utf8Column } from "../columns/utf8-column.ts";
import { type AttributeSink, readAttribute } from "./attribute-reader.ts";
import { RecordOrigin } from "./record-origin.ts";
import { Retention } from "./retention.ts";
import { eachMessage, lastNumber, type WireReader } from "./wire-reader.ts";

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
  /** One row each: the scope's name and version, and the schema URLs of both. */
  readonly scopeName = new Utf8Column();
  readonly scopeVersion = new Utf8Column();
  readonly resourceSchemaUrl = new Utf8Column();
  readonly scopeSchemaUrl = new Utf8Column();
  /** Attributes that their sender dropped. */
  resourceDropped = 0;
  scopeDropped = 0;
  readonly origin = new RecordOrigin();
  readonly retention = new Retention();

  /** Gives the records of a scope, up to `rows`, what it and its resource say besides attributes: all at once. */
  closeScope(to: EnvelopeColumns, rows: number): void {
    to.scope_name.fillTo(rows, this.scopeName);
    to.scope_version.fillTo(rows, this.scopeVersion);
    to.resource_schema_url.fillTo(rows, this.resourceSchemaUrl);
    to.scope_schema_url.fillTo(rows, this.scopeSchemaUrl);
    to.resource_dropped_attributes.fillTo(rows, this.resourceDropped);
    to.scope_dropped_attributes.fillTo(rows, this.scopeDropped);
  }

  /** Appends the attributes to a record's row. */
  appendTo(to: EnvelopeColumns): void {
    to.resource_attributes.appendEntries(this.resource.attributes);
    to.resource_attribute_types.appendEntries(this.resource.attribute_types);
    to.scope_attributes.appendEntries(this.scope.attributes);
    to.scope_attribute_types.appendEntries(this.scope.attribute_types);
  }

  /** Bytes that each record copies. Values of the resource may be copied to columns of their own, too. */
  byteSize(): number {
    const { resource, scope, scopeName, scopeVersion, resourceSchemaUrl, scopeSchemaUrl } = this;
    const texts = [scopeName, scopeVersion, resourceSchemaUrl, scopeSchemaUrl];
    const textBytes = texts.reduce((sum, text) => sum + text.byteSize(), 0);
    return 2 * sinkBytes(resource) + sinkBytes(scope) + textBytes;
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

/** What is done with the records of a payload. */
export interface RecordSink {
  /** Reads one record that ends at `end`. */
  read(r: WireReader, end: number): void;
  /** Those of a scope have been read. */
  closeScope(): void;
}

/**
 * Walks an Export{Trace,Logs}ServiceRequest: both are resource > scope > record with the same field numbers.
 *
 * Errors: INVALID_FIELD naming the offset when the bytes are not protobuf; LIMIT_EXCEEDED when they are far more in
 * columns than they are sent.
 */
export function readEnvelopes(r: WireReader, envelope: Envelope, records: RecordSink): void {
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
        records.read(r, recordEnd);
      });
      records.closeScope();
    });
  });
}

function readResource(r: WireReader, end: number, envelope: Envelope): void {
  const { resource, origin, resourceSchemaUrl } = envelope;
  clear(resource);
  const start = r.pos;
  readText(r, end, 0x1a, resourceSchemaUrl);
  r.pos = start;
  envelope.resourceDropped = 0;
  origin.startResource(resource.attributes);
  eachMessage(r, end, 0x0a, (resourceEnd) => {
    const fieldsAt = r.pos;
    envelope.resourceDropped = lastNumber(r, resourceEnd, 0x10) || envelope.resourceDropped;
    r.pos = fieldsAt;
    eachMessage(r, resourceEnd, 0x0a, (attributeEnd) => {
      readAttribute(r, attributeEnd, resource, origin.onResourceAttribute);
    });
  });
}

function readScope(r: WireReader, end: number, envelope: Envelope): void {
  const { scope, scopeName, scopeVersion, scopeSchemaUrl } = envelope;
  clear(scope);
  envelope.scopeDropped = 0;
  const start = r.pos;
  readText(r, end, 0x1a, scopeSchemaUrl);
  setText(scopeName, r, 0, 0);
  setText(scopeVersion, r, 0, 0);
  r.pos = start;
  eachMessage(r, end, 0x0a, (scopeEnd) => {
    const fieldsAt = r.pos;
    eachMessage(r, scopeEnd, 0x0a, (nameEnd) => setText(scopeName, r, r.pos, nameEnd));
    r.pos = fieldsAt;
    eachMessage(r, scopeEnd, 0x12, (versionEnd) => setText(scopeVersion, r, r.pos, versionEnd));
    r.pos = fieldsAt;
    envelope.scopeDropped = lastNumber(r, scopeEnd, 0x20) || envelope.scopeDropped;
    r.pos = fieldsAt;
    eachMessage(r, scopeEnd, 0x1a, (attributeEnd) => readAttribute(r, attributeEnd, scope));
  });
}

/** Reads the text field with this tag, the last of several, into the only row of a column. */
function readText(r: WireReader, end: number, tag: number, to: Utf8Column): void {
  setText(to, r, 0, 0);
  eachMessage(r, end, tag, (textEnd) => setText(to, r, r.pos, textEnd));
}

function setText(column: Utf8Column, r: WireReader, start: number, end: number): void {
  column.truncate(0);
  column.append(r.bytes, start, end);
}

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** Resource, scope and record: the numbers of the repeated fields on the way are the same for spans and for logs. */
const PATH = [1, 2, 2];

/**
 * How many spans or log records an OTLP request has, without decoding them; 0 when it is malformed.
 *
 * Source: opentelemetry.proto ExportTraceServiceRequest, ExportLogsServiceRequest.
 */
export function countRecords(payload: Uint8Array): number {
  try {
    return countBelow(payload, PATH);
  } catch {
    // Malformed: nobody can say how many records it was meant to have.
    return 0;
  }
}

function countBelow(bytes: Uint8Array, [field, ...deeper]: readonly number[]): number {
  const reader = new BinaryReader(bytes);
  let count = 0;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number !== field || type !== WireType.LengthDelimited) reader.skip(type, number);
    else if (deeper.length > 0) count += countBelow(reader.bytes(), deeper);
    else {
      reader.skip(type, number);
      count++;
    }
  }
  return count;
}

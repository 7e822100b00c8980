import { crc32 } from "node:zlib";
import type { OtlpPayload } from "../telemetry.ts";

/** Bytes before each payload: length, checksum, signal. */
export const FRAME_BYTES = 9;
/** Longest payload a frame may claim; a longer length is damage. */
const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024;
const SUFFIX = ".spool";
const signals = ["traces", "logs"] as const;

/** File name of a segment: its first payload's number, so that names sort as payloads do. */
export function segmentName(firstSeq: number): string {
  return String(firstSeq).padStart(16, "0") + SUFFIX;
}

/** First payload's number by file name; undefined for other files. */
export function firstSeqOf(name: string): number | undefined {
  const match = /^(\d{16})\.spool$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** The frame that goes before a payload. The checksum covers signal and payload. */
export function frameOf(payload: OtlpPayload): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_BYTES);
  const view = new DataView(frame.buffer);
  frame[8] = signals.indexOf(payload.signal);
  view.setUint32(0, payload.bytes.length, true);
  view.setUint32(4, crc32(payload.bytes, crc32(frame.subarray(8))), true);
  return frame;
}

/** What a segment file holds. */
export interface SegmentContent {
  payloads: OtlpPayload[];
  /** Bytes up to the end of the last sound payload. */
  soundBytes: number;
}

/** Reads payloads up to the first that is cut off or damaged: nothing after it can be trusted to be a frame. */
export function readSegment(bytes: Uint8Array): SegmentContent {
  const payloads: OtlpPayload[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + FRAME_BYTES <= bytes.length) {
    const length = view.getUint32(at, true);
    const signal = signals[bytes[at + 8]!];
    const end = at + FRAME_BYTES + length;
    if (signal === undefined || length > MAX_PAYLOAD_BYTES || end > bytes.length) break;
    if (crc32(bytes.subarray(at + 8, end)) !== view.getUint32(at + 4, true)) break;
    payloads.push({ signal, bytes: bytes.subarray(at + FRAME_BYTES, end) });
    at = end;
  }
  return { payloads, soundBytes: at };
}

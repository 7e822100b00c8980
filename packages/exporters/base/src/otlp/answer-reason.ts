import { BinaryReader } from "@bufbuild/protobuf/wire";

/**
 * Why a backend refused a request, in its own words: a `google.rpc.Status` in Protocol Buffers, as OTLP has it, JSON with
 * a message or error, or plain text. Empty when it does not say, or not in one of these forms.
 */
export function reasonOf(body: Uint8Array, contentType: string): string {
  const [type = ""] = contentType.toLowerCase().split(";");
  if (/^application\/(x-)?protobuf$/.test(type.trim())) return statusMessage(body);
  const text = Buffer.from(body).toString("utf8");
  if (/\bjson$/.test(type.trim())) return jsonMessage(text);
  return type.trim() === "text/plain" ? text : "";
}

function statusMessage(body: Uint8Array): string {
  try {
    const reader = new BinaryReader(body);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 2 && wireType === 2) return reader.string();
      reader.skip(wireType, field);
    }
  } catch {
    // The answer is not what it says it is; its status says enough.
  }
  return "";
}

function jsonMessage(text: string): string {
  try {
    return messageIn(JSON.parse(text));
  } catch {
    // The answer is not what it says it is; its status says enough.
    return "";
  }
}

/** Where vendors put their message. */
const messageKeys = ["message", "error", "errors", "detail", "title"] as const;

function messageIn(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return "";
  if (Array.isArray(value)) return value.map(messageIn).filter(Boolean).join("; ");
  const found = value as Readonly<Record<string, unknown>>;
  return messageKeys.map((key) => messageIn(found[key])).find(Boolean) ?? "";
}

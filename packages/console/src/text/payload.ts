/** A payload as a person edits it: JSON laid out in lines; text as it is where it is none. Empty stays empty. */
export function payloadText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.stringify(JSON.parse(text), null, 2) ?? text;
  } catch {
    return text; // Payloads of other languages need not be JSON.
  }
}

/** The payload of what was typed. Errors: SyntaxError when it is not JSON; empty text is an empty payload. */
export function payloadBytes(text: string): Uint8Array<ArrayBuffer> {
  if (text.trim() === "") return new Uint8Array();
  return new TextEncoder().encode(JSON.stringify(JSON.parse(text)));
}

/** What filters and mappings see of an event as `event`; its fields are named as the protocol names them. */
export class TriggerEvent {
  readonly id: string;
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #payloadText: () => string;
  readonly #receivedAtUs: number;
  #payload: { value: unknown } | undefined;

  /** `payloadText` gives the JSON, of which nothing is read before an expression asks for it; empty text means null. */
  constructor(event: {
    id: string;
    key: string;
    metadata: Readonly<Record<string, string>>;
    receivedAtUs: number;
    payloadText: () => string;
  }) {
    this.id = event.id;
    this.key = event.key;
    this.metadata = event.metadata;
    this.#payloadText = event.payloadText;
    this.#receivedAtUs = event.receivedAtUs;
  }

  /** Parsed when it is asked for first, and once. Errors: SyntaxError when it is no JSON. */
  get payload(): unknown {
    this.#payload ??= { value: parsePayload(this.#payloadText()) };
    return this.#payload.value;
  }

  /** To the millisecond. */
  get received_at(): Date {
    return new Date(this.#receivedAtUs / 1000);
  }
}

function parsePayload(text: string): unknown {
  if (text === "") return null;
  // Evaluation tells kinds of values by their constructors: an object that has a field of that name becomes a map.
  const misleading = text.includes("constructor") || text.includes("\\u");
  return misleading ? JSON.parse(text, withoutConstructor) : JSON.parse(text);
}

function withoutConstructor(_name: string, value: unknown): unknown {
  const misleads = typeof value === "object" && value !== null && Object.hasOwn(value, "constructor");
  return misleads ? new Map(Object.entries(value)) : value;
}

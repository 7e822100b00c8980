/** Most spans that are remembered: some 10 MB. */
const MAX_SPANS = 65_536;

/**
 * What was sent of spans that the server writes anew whenever their task changes, so that only what changed is sent
 * again. The oldest are forgotten first.
 */
export class SentSpans {
  #recent = new Map<string, bigint>();
  #older = new Map<string, bigint>();

  /** Whether a span was sent with this content. */
  has(span: string, content: bigint): boolean {
    return (this.#recent.get(span) ?? this.#older.get(span)) === content;
  }

  /** Notes that a span was sent. */
  add(span: string, content: bigint): void {
    this.#recent.set(span, content);
    if (this.#recent.size < MAX_SPANS / 2) return;
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}

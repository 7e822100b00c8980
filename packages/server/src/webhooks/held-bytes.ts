import { DeliveryRefusal } from "./delivery-refusal.ts";

/**
 * Bounds what all deliveries together hold in memory: whoever signs may send a body, and whether he does is known only
 * when it is here.
 *
 * Bytes count when they have come, not when they are announced, so that it takes sending them to keep others out.
 */
export class HeldBytes {
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What is held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins to count those of one delivery; disposing of it gives them all back. */
  begin(): HeldBody {
    let own = 0;
    return {
      add: (bytes) => {
        own += bytes;
        this.#bytes += bytes;
        if (this.#bytes > this.#limit)
          throw new DeliveryRefusal("busy", `deliveries hold ${this.#bytes} bytes, limit ${this.#limit}`);
      },
      [Symbol.dispose]: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}

/** Counts the bytes of one delivery. */
export interface HeldBody extends Disposable {
  /** Errors: DeliveryRefusal `busy` when all together hold too much. */
  add(bytes: number): void;
}

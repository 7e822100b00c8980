import { ValueStore } from "./value-store.ts";

/** Where the browser keeps texts; absent where it lets a page keep nothing. */
export type Keeper = Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined;

/** The browser's storage for this origin, if it lets the page have it. */
export function browserKeeper(): Keeper {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // A browser that blocks storage throws; what would be kept then lasts as long as the page.
  }
}

/** A text that the browser keeps between visits, and that the server never sees unless it is sent on purpose. */
export class KeptValue extends ValueStore<string> {
  readonly #key: string;
  readonly #keeper: Keeper;

  constructor(key: string, keeper: Keeper) {
    super(keeper?.getItem(key) ?? "");
    this.#key = key;
    this.#keeper = keeper;
  }

  /** Changes and keeps it; an empty text is forgotten. */
  override set(value: string): void {
    if (value === "") this.#keeper?.removeItem(this.#key);
    else this.#keeper?.setItem(this.#key, value);
    super.set(value);
  }
}

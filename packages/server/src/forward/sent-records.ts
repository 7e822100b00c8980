/** Records of one of the two generations, at most; half of its places. */
const RECORDS = 2 ** 18;

/**
 * What was sent last, so that a record that comes again is not sent again unless it changed: spans that the server writes
 * anew whenever their task changes, what a runner sent twice, rows of an insert that was repeated.
 *
 * The latest 262,144 to 524,288 records are remembered, in 24 bytes each; the oldest are forgotten first. Two different
 * records are taken for one when hashes of 64 bits agree, and of another 32.
 */
export class SentRecords {
  #recent: Generation | undefined;
  #older: Generation | undefined;

  /** Whether a record was sent with this content, last of all. */
  has(record: bigint, content: bigint): boolean {
    const found = this.#recent?.contentOf(record) ?? this.#older?.contentOf(record);
    return found === low(content);
  }

  /** Notes that a record was sent. */
  add(record: bigint, content: bigint): void {
    this.#recent ??= new Generation();
    this.#recent.set(record, low(content));
    if (this.#recent.size < RECORDS) return;
    [this.#older, this.#recent] = [this.#recent, this.#older];
    this.#recent?.clear();
  }
}

function low(content: bigint): number {
  return Number(BigInt.asUintN(32, content));
}

/** Keys with numbers, in an open hash table. A key of 0 is a free place; the record of that key is not remembered. */
class Generation {
  readonly #keys = new BigUint64Array(2 * RECORDS);
  readonly #contents = new Uint32Array(2 * RECORDS);
  size = 0;

  contentOf(record: bigint): number | undefined {
    const place = this.#placeOf(BigInt.asUintN(64, record));
    return this.#keys[place] === 0n ? undefined : this.#contents[place];
  }

  set(record: bigint, content: number): void {
    const key = BigInt.asUintN(64, record);
    if (key === 0n) return;
    const place = this.#placeOf(key);
    if (this.#keys[place] === 0n) this.size++;
    this.#keys[place] = key;
    this.#contents[place] = content;
  }

  clear(): void {
    this.#keys.fill(0n);
    this.size = 0;
  }

  /** Where a key is, or would be: keys are hashes, their low bits are as good as any. */
  #placeOf(key: bigint): number {
    let place = Number(BigInt.asUintN(32, key)) & (2 * RECORDS - 1);
    while (this.#keys[place] !== 0n && this.#keys[place] !== key) place = (place + 1) & (2 * RECORDS - 1);
    return place;
  }
}

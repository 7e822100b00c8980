import { SpanloomError } from "@spanloom/protocol";
import type { Catalogue, MetricEntry, NamesOf } from "./catalogue.ts";
import { Distribution } from "./distribution.ts";

/** What tells one series of a metric from another. */
export type Attributes = Readonly<Record<string, string>>;

/** Tells the value of one series. */
export type Observe = (value: number, attributes?: Attributes) => void;

type ObserveAny = (value: number | Distribution, attributes?: Attributes) => void;

/** Value of one series at a collection. */
export interface Point {
  attributes: Attributes;
  value: number | Distribution;
}

/** One series of a histogram. */
export interface DistributionPoint extends Point {
  value: Distribution;
}

/** What was collected of one metric. */
export interface Collected {
  name: string;
  entry: MetricEntry;
  points: readonly Point[];
}

/** What those need of a set who give its metrics on. */
export interface MetricSource {
  readonly catalogue: Catalogue;
  /** Milliseconds since the epoch: since when its sums count. */
  readonly startedAtMs: number;
  /** All that there is, in the catalogue's order; metrics without a series are left out. */
  collect(): Promise<Collected[]>;
  /** Tells of every series of a histogram there is, and of each that is made later. */
  onDistribution(listener: (name: string, point: DistributionPoint) => void): void;
}

/** What a set needs of the program. */
export interface MetricSetOptions {
  /** Milliseconds since the epoch. */
  nowMs: () => number;
  log: (line: string) => void;
}

/** Most series of one metric; the values of others come together under {@link overflow}, as OpenTelemetry's SDK has it. */
const MAX_SERIES = 2_000;

/** Attributes of what is beyond the limit of series. */
export const overflow: Attributes = { "otel.metric.overflow": "true" };

/**
 * The metrics of a program, by its catalogue, and where their values are read from.
 *
 * The program keeps plain numbers; they are read here when somebody collects, and at no other time.
 *
 * I1. A metric of another name, or kind, than the catalogue has cannot be made.
 * I2. What cannot be read is left out and told, once in a row; it does not fail the collection.
 */
export class MetricSet<C extends Catalogue = Catalogue> implements MetricSource {
  readonly catalogue: C;
  readonly startedAtMs: number;
  readonly #options: MetricSetOptions;
  readonly #readers = new Map<string, ((observe: ObserveAny) => void)[]>();
  readonly #distributions = new Map<string, DistributionPoint[]>();
  readonly #listeners: ((name: string, point: DistributionPoint) => void)[] = [];
  readonly #refreshes: (() => Promise<void>)[] = [];
  readonly #failing = new Set<string>();

  constructor(catalogue: C, options: MetricSetOptions) {
    this.catalogue = catalogue;
    this.#options = options;
    this.startedAtMs = options.nowMs();
  }

  /** Reads a sum or gauge by `read` at each collection. */
  observe(name: NamesOf<C, "counter" | "updown" | "gauge">, read: (observe: Observe) => void): void {
    this.#addReader(name, read as (observe: ObserveAny) => void);
  }

  /** Makes one series of a histogram. Its owner keeps it. */
  distribution(name: NamesOf<C, "histogram">, attributes: Attributes = {}): Distribution {
    const distribution = new Distribution(this.catalogue[name]?.boundaries ?? []);
    this.show(name, distribution, attributes);
    return distribution;
  }

  /** Shows a distribution that somebody has already. */
  show(name: NamesOf<C, "histogram">, distribution: Distribution, attributes: Attributes = {}): void {
    const point = { attributes, value: distribution };
    this.#distributions.set(name, [...(this.#distributions.get(name) ?? []), point]);
    for (const listener of this.#listeners) listener(name, point);
  }

  onDistribution(listener: (name: string, point: DistributionPoint) => void): void {
    for (const [name, points] of this.#distributions) for (const point of points) listener(name, point);
    this.#listeners.push(listener);
  }

  /** Shows distributions of which there are more as time goes by; they are not given to a meter of the application. */
  observeDistributions(
    name: NamesOf<C, "histogram">,
    read: (observe: (distribution: Distribution, attributes?: Attributes) => void) => void,
  ): void {
    this.#addReader(name, read as (observe: ObserveAny) => void);
  }

  #addReader(name: string, read: (observe: ObserveAny) => void): void {
    this.#readers.set(name, [...(this.#readers.get(name) ?? []), read]);
  }

  /** Does something before each collection, as to ask a database for what is read then. Should end soon. */
  beforehand(refresh: () => Promise<void>): void {
    this.#refreshes.push(refresh);
  }

  async collect(): Promise<Collected[]> {
    await Promise.all(
      this.#refreshes.map((refresh, at) =>
        refresh().then(...this.#outcome(`what is asked for beforehand (${at + 1})`)),
      ),
    );
    return Object.entries(this.catalogue).flatMap(([name, entry]) => {
      const points = [...this.#read(name), ...(this.#distributions.get(name) ?? [])];
      return points.length === 0 ? [] : [{ name, entry, points: bounded(entry, points) }];
    });
  }

  /** Values of one metric that are read now. */
  #read(name: string): Point[] {
    const points: Point[] = [];
    const observe: ObserveAny = (value, attributes = {}) => {
      points.push({ attributes, value });
    };
    const [done, failed] = this.#outcome(name);
    for (const read of this.#readers.get(name) ?? []) {
      try {
        read(observe);
        done();
      } catch (error) {
        failed(error);
      }
    }
    return points;
  }

  #outcome(what: string): [() => void, (error: unknown) => void] {
    return [
      () => this.#failing.delete(what),
      (error) => {
        if (this.#failing.has(what)) return;
        this.#failing.add(what);
        this.#options.log(`metrics: cannot read ${what}: ${error instanceof Error ? error.message : String(error)}`);
      },
    ];
  }
}

function bounded(entry: MetricEntry, points: Point[]): readonly Point[] {
  if (points.length <= MAX_SERIES) return points;
  const kept = points.slice(0, MAX_SERIES - 1);
  return [...kept, { attributes: overflow, value: together(entry, points.slice(MAX_SERIES - 1)) }];
}

function together({ kind, boundaries = [] }: MetricEntry, points: readonly Point[]): number | Distribution {
  if (kind === "histogram") {
    const sum = new Distribution(boundaries);
    for (const { value } of points) addCounts(sum, value as Distribution);
    return sum;
  }
  const values = points.map(({ value }) => value as number);
  return kind === "gauge" ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0);
}

/** Errors: INTERNAL for a distribution of other bounds, as only a defect makes. */
function addCounts(sum: Distribution, other: Distribution): void {
  if (other.counts.length !== sum.counts.length)
    throw new SpanloomError("INTERNAL", `cannot add ${other.counts.length} buckets to ${sum.counts.length}`);
  for (const [at, count] of other.counts.entries()) sum.counts[at]! += count;
  sum.sum += other.sum;
  sum.count += other.count;
}

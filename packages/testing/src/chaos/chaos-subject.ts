import type { Store } from "@spanloom/server/store";
import type { FakeClock } from "../fake-clock.ts";
import type { ModelTraits } from "./model-traits.ts";
import type { WorkflowTraits } from "./workflow-generator.ts";

/** A lifecycle span as it stands in a telemetry store. */
export interface ChaosSpan {
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentSpanId: string;
  type: string;
  jobId: string;
  /** Empty for a job's span. */
  taskId: string;
  /** 0 for job and task spans. */
  attempt: number;
  startUs: number;
  /** Undefined while it is open. */
  endUs: number | undefined;
  outcome: string;
  /** Span ids linked to as earlier attempts. */
  retries: readonly string[];
}

/** The lifecycle projection of one server over one store. */
export interface ChaosProjection {
  note(jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>): void;
  /** Writes everything noted. */
  flush(): Promise<void>;
  /** Notes what a server before may have left unwritten. */
  recover(): Promise<void>;
}

/** What a run is set up with. */
export interface ChaosSetup {
  clock: FakeClock;
  graceMs: number;
  /** Numbers in [0, 1), for jitter. */
  random: () => number;
}

/** Somewhere to keep jobs for one run. */
export interface ChaosStorage extends AsyncDisposable {
  readonly renewsLeases: ModelTraits["renewsLeases"];
  readonly answersLate: ModelTraits["answersLate"];
  readonly waitersByAge: ModelTraits["waitersByAge"];
  /** Whether of operations done at once those that bring work come first, then reports; which come in what order is open else. */
  readonly workFirst: boolean;
  /** A store over the data, not started. */
  connect(): Store;
  /** Ends a store as a crash would; the next one finds what was committed. */
  breakOff(store: Store): Promise<void>;
  /** The projection of a server over a store. */
  project(store: Store): ChaosProjection;
  /** Spans written by all projections, the latest version of each. */
  spans(): readonly ChaosSpan[];
}

/** A kind of store to run against. */
export interface ChaosSubject {
  name: string;
  /** Features it does not have. */
  supported: Partial<WorkflowTraits>;
  open(setup: ChaosSetup): Promise<ChaosStorage>;
}

import type { SelfTracer } from "../../self-tracing/self-tracer.ts";
import type { WriterTimes } from "./writer.ts";

/** How a store on PostgreSQL is set up. */
export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** Schema of the tables; made when absent. Default `spanloom`. */
  schema?: string;
  /** UUID that names this server to others on the same schema. Default: a new one. */
  serverId?: string;
  /** The clock: microseconds since the epoch. Default: the system's. */
  nowUs?: () => number;
  /** Numbers in [0, 1), for jitter. Default: Math.random. */
  random?: () => number;
  /** How long an attempt that was told to stop may take to report before it is fenced. Default 10,000; 0 fences at once. */
  cancelGraceMs?: number;
  /** Outputs of dependencies travel with a lease when they are no larger together. Default 1 MiB. */
  maxInlineDependencyBytes?: number;
  /** A claim takes no more tasks once the bytes to send with those it has reach this. Default 16 MiB. */
  maxLeaseBytes?: number;
  /** A runner not heard of for this long is shown as lost. Default 60,000: idle runners poll every 30 s. */
  runnerLostMs?: number;
  /** Takes what PostgreSQL has to say beside its answers. */
  onNotice?: (message: string) => void;
  /** How long to wait for PostgreSQL. */
  times?: Partial<WriterTimes>;
  /** Runs a function later; returns how not to. Default: a timer that keeps no process alive. */
  schedule?: (run: () => void, delayMs: number) => () => void;
  /** Traces commits. */
  tracer?: SelfTracer | undefined;
}

import { SpanloomError } from "@spanloom/protocol";

/** How the tables are made: all that differs between the embedded engine, a ClickHouse of one machine and a cluster. */
export interface TableEngines {
  /** Cluster on which tables are made and over which they are spread. Absent: one machine. */
  cluster?: string;
  /** Engine family of tables that hold rows, as {@link checkEngine} takes it. Default {@link localEngine}, or {@link clusterEngine}. */
  engine?: string;
}

/** Engine family of one machine. */
export const localEngine = "MergeTree";

/**
 * Engine family of a cluster. The path is given, not left to the server, whose own holds an identifier of the table: a
 * replica that is added later would make a table of its own beside the others.
 */
export const clusterEngine = "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')";

const FAMILY = /^(Replicated|Shared)?MergeTree(?:\(\s*('[\w{}/.:-]+'\s*,\s*'[\w{}.:-]+')\s*\))?$/;
const CLUSTER = /^[\w.-]{1,128}$/;

/** The family an installation uses. */
export function engineFamily({ cluster, engine }: TableEngines): string {
  return engine ?? (cluster === undefined ? localEngine : clusterEngine);
}

/** Whether rows are copied between servers, so that an insert may be durable on one and not yet seen on another. */
export function isReplicated(engines: TableEngines): boolean {
  return engineFamily(engines).startsWith("Replicated");
}

/** Whether servers share the storage of rows, each with a view of its own of what is there. */
export function isShared(engines: TableEngines): boolean {
  return engineFamily(engines).startsWith("Shared");
}

/**
 * A family of engines as configuration names it: `MergeTree`, `ReplicatedMergeTree`, `SharedMergeTree`, the latter two
 * with path and replica in quotes when the server's own are not meant.
 *
 * Errors: INVALID_FIELD naming where it came from.
 */
export function checkEngine(source: string, text: string): string {
  const match = FAMILY.exec(text);
  if (match && (match[2] === undefined || match[1] !== undefined)) return text;
  const wanted = "MergeTree, ReplicatedMergeTree or SharedMergeTree, the latter two also with ('/path', 'replica')";
  throw refuse(source, text, wanted);
}

/** The name of a cluster. Errors: INVALID_FIELD naming where it came from. */
export function checkCluster(source: string, text: string): string {
  if (CLUSTER.test(text)) return text;
  throw refuse(source, text, "a name of letters, digits, _, - and .");
}

/** A variant of the family with arguments of its own after path and replica: `Replacing` with `version`. */
export function engineOf(family: string, variant: "" | "Replacing", ...own: string[]): string {
  const [, prefix = "", given] = FAMILY.exec(family) ?? [];
  const all = [...(given === undefined ? [] : [given]), ...own];
  return `${prefix}${variant}MergeTree${all.length > 0 ? `(${all.join(", ")})` : ""}`;
}

function refuse(source: string, value: string, wanted: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${source} "${value}": it must be ${wanted}`, { field: source });
}

import { Client } from "pg";

/** A node of a plan as EXPLAIN (ANALYZE, FORMAT JSON) gives it. */
interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Actual Rows"?: number;
  "Actual Loops"?: number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: PlanNode[];
}

/** How PostgreSQL executed a statement once. */
export interface ExecutedPlan {
  readonly text: string;
  readonly plan: PlanNode;
}

/** Options of a database URL under which PostgreSQL tells how it executes each statement. Needs a superuser. */
const explaining = [
  "session_preload_libraries=auto_explain",
  "auto_explain.log_min_duration=0",
  "auto_explain.log_analyze=on",
  "auto_explain.log_timing=off",
  "auto_explain.log_format=json",
  "auto_explain.log_level=notice",
  "client_min_messages=notice",
];

/** The URL of a database with those options. */
export function explainedUrl(url: string): string {
  const explained = new URL(url);
  explained.searchParams.set("options", explaining.map((setting) => `-c ${setting}`).join(" "));
  return explained.href;
}

/** Takes down the plans of all statements that connections of this process run, until it is stopped. */
export function recordPlans(): { plans: ExecutedPlan[]; stop(): void } {
  const plans: ExecutedPlan[] = [];
  const { connect } = Client.prototype;
  const note = ({ message = "" }): void => {
    const json = /^duration: [^{]*plan:\n(\{.*\})$/s.exec(message)?.[1];
    if (json === undefined) return;
    const { "Query Text": text, Plan: plan } = JSON.parse(json) as { "Query Text": string; Plan: PlanNode };
    plans.push({ text, plan });
  };
  function connectAndListen(this: Client, ...args: Parameters<typeof connect>): unknown {
    this.on("notice", note);
    return connect.apply(this, args);
  }
  Client.prototype.connect = connectAndListen as typeof connect;
  return {
    plans,
    stop: () => {
      Client.prototype.connect = connect;
    },
  };
}

/** Tables that a plan reads from one end to the other. */
export function scannedTables({ plan }: ExecutedPlan): string[] {
  return nodesOf(plan)
    .filter((node) => node["Node Type"] === "Seq Scan")
    .map((node) => node["Relation Name"] ?? "");
}

/** How many rows of tables and indexes an execution looked at. */
export function rowsRead({ plan }: ExecutedPlan): number {
  let rows = 0;
  for (const node of nodesOf(plan)) {
    if (!node["Node Type"].endsWith("Scan") || node.Plans?.some((child) => child["Node Type"] === "Bitmap Index Scan"))
      continue;
    const removed = (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
    rows += ((node["Actual Rows"] ?? 0) + removed) * (node["Actual Loops"] ?? 0);
  }
  return rows;
}

/** A plan as text, one line for each node. */
export function describePlan({ plan }: ExecutedPlan): string {
  return linesOf(plan, 1).join("\n");
}

function linesOf(node: PlanNode, depth: number): string[] {
  const {
    "Node Type": type,
    "Relation Name": table,
    "Index Name": index,
    "Actual Rows": rows,
    "Actual Loops": loops,
  } = node;
  const removed = node["Rows Removed by Filter"];
  const what = [
    type,
    table && `on ${table}`,
    index && `by ${index}`,
    `${rows} rows x ${loops}`,
    removed && `-${removed}`,
  ];
  const line = `${"  ".repeat(depth)}${what.filter(Boolean).join(" ")}`;
  return [line, ...(node.Plans ?? []).flatMap((child) => linesOf(child, depth + 1))];
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

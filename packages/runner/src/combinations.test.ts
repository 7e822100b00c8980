import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { QueryClient } from "@spanloom/query";
import { startServer } from "@spanloom/server";
import { tempDir } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Order, Seen } from "./testing/run-combination.ts";

const folder = tempDir();
let server: Awaited<ReturnType<typeof startServer>>;
beforeAll(async () => {
  server = await startServer({ dataDir: folder.path, port: 0 });
});
afterAll(async () => {
  await server.stop();
  folder[Symbol.dispose]();
});

const programs = { ESM: "testing/combination-program.ts", CommonJS: "testdata/combination-program.cjs" };

/** Runs an application; gives what it has seen, and the names of the job's stored spans as paths. */
async function run(program: string, order: Order, version: string) {
  const env = { ...process.env, ...(order === "disabled by environment" && { OTEL_SDK_DISABLED: "true" }) };
  // Its own queue: others run at the same time.
  const queue = `${order} of ${version} by ${program}`;
  const args = [join(import.meta.dirname, program), server.url, queue, order, version];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 });
  const seen = JSON.parse(stdout.trim().split("\n").at(-1)!) as Seen;
  const names = new Map(seen.spans.map(({ spanId, name }) => [spanId, name.replace(queue, "its queue")]));
  const client = new QueryClient({ url: server.url });
  const table = await client.spans({ job: seen.jobId }).toArrow();
  const rows = table.toArray().map((row) => (row as { toJSON(): Row }).toJSON());
  const logs = await client.logs({ job: seen.jobId }).toArrow();
  return {
    stored: pathsOf(rows.map((row) => ({ name: row.name, spanId: row.span_id, parentId: row.parent_span_id }))),
    logs: logs.numRows,
    seen: pathsOf(seen.spans.map((span) => ({ ...span, name: names.get(span.spanId)! }))),
    shared: rows.flatMap(({ name, span_id }) => (names.get(span_id) === name ? [name] : [])).sort(),
    annotated: seen.spans.flatMap(({ name, taskName }) => (taskName === "work" ? [name] : [])).sort(),
    submitter: names.get(rows.find(({ name }) => name === "job work")!.parent_span_id),
    complaints: seen.complaints,
  };
}

interface Row {
  name: string;
  span_id: string;
  parent_span_id: string;
}

/** Each span below its parents, as far as they are among these. */
function pathsOf(spans: { name: string; spanId: string; parentId: string }[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const pathOf = (span: { name: string; parentId: string }): string => {
    const parent = byId.get(span.parentId);
    return parent ? `${pathOf(parent)} > ${span.name}` : span.name;
  };
  return spans.map(pathOf).sort();
}

const lifecycle = ["job work", "job work > task work", "job work > task work > work"];
const attempt = "job work > task work > work";
const traced = [
  ...lifecycle,
  `${attempt} > by the context`,
  `${attempt} > by the context > by a library`,
  `${attempt} > by the context > by a library > by a late one`,
];

interface Expected {
  /** What the application's own exporter is given: all of its own, and each span once. */
  seen: string[];
  /** Names of spans that both have, the very same. */
  shared: string[];
  /** The job's parent, as the application knows it. */
  submitter: string | undefined;
}

const submitted = ["caller", "caller > submit its queue"];
const inTask = ["by the context", "by the context > by a library", "by the context > by a library > by a late one"];
const shared = ["by a late one", "by a library", "by the context"];
const submitter = "submit its queue";
const untold: Expected = {
  seen: ["afterwards", "before", "by a library", "by a library > by a late one", "caller"],
  shared: [],
  submitter: "caller",
};
const expected: Record<Order, Expected> = {
  none: { seen: [], shared: [], submitter: undefined },
  before: { seen: ["afterwards", "before", ...inTask, ...submitted], shared, submitter },
  after: { seen: ["afterwards", ...inTask, ...submitted], shared, submitter },
  instrumented: {
    seen: ["afterwards", "before", ...submitted, "work", ...inTask.map((path) => `work > ${path}`)],
    shared: [...shared, "work"],
    submitter,
  },
  "disabled by option": untold,
  "disabled by environment": untold,
};

describe.each(Object.entries(programs))("in an application of %s", (_, program) => {
  describe.each(["1.x", "2.x"])("with the OpenTelemetry SDK %s", (version) => {
    it.concurrent.each(Object.keys(expected) as Order[])("every span is where it belongs, once: %s", async (order) => {
      const result = await run(program, order, version);
      const isTraced = expected[order] !== untold;
      expect(result.stored).toEqual(isTraced ? traced : lifecycle);
      expect(result.logs).toBe(isTraced ? 1 : 0);
      expect(result.seen).toEqual(expected[order].seen);
      expect(result.shared).toEqual(expected[order].shared);
      expect(result.annotated).toEqual(expected[order].shared);
      expect(result.submitter).toBe(expected[order].submitter);
      expect(result.complaints.filter((complaint) => !isOfLateRegistration(complaint, order))).toEqual([]);
    });
  });
});

/** Context manager and propagators are registered once: a provider's own come after the runner's, which are the same. */
function isOfLateRegistration(complaint: string, order: Order): boolean {
  return order === "after" && /duplicate registration of API: (context|propagation)$/.test(complaint);
}

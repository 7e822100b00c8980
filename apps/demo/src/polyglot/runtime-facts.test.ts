import { expect, test } from "vitest";
import { runtimeLines } from "./mixed-view.ts";
import { runtimeFacts, type TracedLog, type TracedSpan } from "./runtime-facts.ts";

const languages: Record<string, string> = { lister: "nodejs", hasher: "python", merger: "go" };

/** A span; its runner and task follow from its id, e.g. `hash-1.walk`: task hash-1, span walk. */
function span(type: string, spanId: string, parentId: string, rest: Partial<TracedSpan> = {}): TracedSpan {
  const taskId = spanId.split(/[.@]/)[0]!;
  const runnerId = type === "attempt" || type === "user" ? runnerOf(taskId) : "";
  const language = type === "user" ? languages[runnerId]! : "";
  const service = type === "user" ? `audit-${runnerId}` : "spanloom";
  const taskName = taskId.split("-")[0]!;
  return { traceId: "t", spanId, parentId, type, taskId, taskName, runnerId, service, language, links: [], ...rest };
}

function runnerOf(taskId: string): string {
  return taskId.startsWith("hash") ? "hasher" : taskId === "merge" ? "merger" : "lister";
}

function log(spanId: string): TracedLog {
  const { traceId, taskId, runnerId, service, language } = span("user", spanId, "");
  return { traceId, spanId, taskId, runnerId, service, language };
}

/** TypeScript lists, Python hashes two packages, Go merges. */
const spans: TracedSpan[] = [
  span("job", "job", "", { taskId: "", taskName: "" }),
  span("task", "list", "job"),
  span("attempt", "list@1", "list"),
  span("user", "list.find", "list@1"),
  ...["hash-1", "hash-2"].flatMap((task) => [
    span("task", task, "list@1"),
    span("attempt", `${task}@1`, task),
    span("user", `${task}.walk`, `${task}@1`),
    span("user", `${task}.read`, `${task}.walk`),
  ]),
  span("task", "merge", "list@1", { links: ["hash-1", "hash-2"] }),
  span("attempt", "merge@1", "merge"),
  span("user", "merge.write", "merge@1"),
];
const logs = [log("list.find"), log("hash-1.walk"), log("merge.write")];

test("each runtime's share is told, and which tasks one handed to another or waited for", () => {
  const facts = runtimeFacts(spans, logs);
  expect(facts).toEqual({
    runtimes: [
      { language: "nodejs", service: "audit-lister", tasks: ["list"], attempts: 1, spans: 1, logs: 1 },
      { language: "python", service: "audit-hasher", tasks: ["hash"], attempts: 2, spans: 4, logs: 1 },
      { language: "go", service: "audit-merger", tasks: ["merge"], attempts: 1, spans: 1, logs: 1 },
    ],
    submitted: [
      { from: "nodejs", to: "python", tasks: 2 },
      { from: "nodejs", to: "go", tasks: 1 },
    ],
    awaited: [{ from: "python", to: "go", tasks: 2 }],
    problems: [],
  });
  expect(runtimeLines(facts)).toBe(`\
  TypeScript  audit-lister  list   1 attempt   1 span   1 log record
  Python      audit-hasher  hash   2 attempts  4 spans  1 log record
  Go          audit-merger  merge  1 attempt   1 span   1 log record
  tasks submitted: 2 from TypeScript to Python, 1 from TypeScript to Go
  tasks waited for: 2 in Python by Go
  one trace, every span and log record within an attempt of its task`);
});

test.each<[string, TracedSpan[], TracedLog[], string]>([
  [
    "a log record of another task's span",
    spans,
    [{ ...log("merge.write"), taskId: "list" }],
    "1 log records are of no",
  ],
  ["a log record without a span", spans, [...logs, { ...log("merge.write"), spanId: "" }], "1 log records are of no"],
  ["a second trace", spans, [...logs, { ...log("merge.write"), traceId: "other" }], "spans and logs are of 2 traces"],
  ["a span whose parent is missing", spans.filter((s) => s.spanId !== "hash-1.walk"), [], "1 spans do not stand below"],
  ["a span below the wrong task", [...spans, span("user", "hash-1.x", "merge@1")], logs, "1 spans do not stand below"],
  ["a runner without telemetry", spans.filter((s) => s.spanId !== "merge.write"), [], "1 attempts ran in no known"],
])("%s is a problem", (_, withSpans, withLogs, problem) => {
  expect(runtimeFacts(withSpans, withLogs).problems).toEqual([expect.stringContaining(problem)]);
});

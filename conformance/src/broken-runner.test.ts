import path from "node:path";
import { describe, expect, test } from "vitest";
import { Places } from "./runner/places.ts";
import { capturedRun } from "./testing/captured-run.ts";

const program = path.join(import.meta.dirname, "testing/broken/broken-runner-program.ts");

/** Runs at once: each has up to five runners. */
const places = new Places(2);

/** Names of the cases of a suite that a runner with a fault fails. */
async function failuresOf(fault: string, suite: string): Promise<string[]> {
  const args = [
    "--suite",
    suite,
    "--processes",
    "8",
    "--patience",
    "0.5",
    "--json",
    "--",
    process.execPath,
    program,
    fault,
  ];
  const { stdout } = await capturedRun("runner", ...args);
  const report = JSON.parse(stdout) as { results: { name: string; outcome: string }[] };
  return report.results
    .filter(({ outcome }) => outcome === "failed")
    .map(({ name }) => name)
    .sort();
}

/** Faults, the suite each is judged by, and the cases of it that must fail: those, and no others. */
const expected: [fault: string, suite: string, cases: string[]][] = [
  [
    "wrong lease token",
    "fencing",
    [
      "A lost attempt leaves a later one of its task alone",
      "A result that is refused is dropped",
      "Two leases of one task are two attempts, each with its token",
    ],
  ],
  [
    "forgets a result whose answer was lost",
    "outages",
    [
      "A result is reported until an answer comes",
      "A result that the server cannot take now is kept until it can",
      "A result whose answer was lost is reported again",
    ],
  ],
  ["reports stale results again", "fencing", ["A result that is stale is dropped"]],
  [
    "ignores cancellations",
    "cancellation",
    [
      "A cancellation for its timeout is a timeout",
      "A heartbeat's answer cancels an attempt, which is reported as cancelled",
      "A runner whose places are all taken is told of a cancellation long before its next heartbeat is due",
      "An answer of LeaseTasks cancels an attempt",
      "Code that goes on although it was cancelled is abandoned",
      "Of several attempts only the one that is named stops",
      "The failure of another task cancels an attempt",
    ],
  ],
  [
    "ignores lost leases",
    "fencing",
    [
      "A heartbeat that says the lease is lost stops the attempt, which is not reported",
      "The slot of a lost attempt whose code goes on is free after a while",
    ],
  ],
  [
    "sends no heartbeats",
    "heartbeats",
    [
      "A heartbeat names the attempt with its token, and when it was sent",
      "An attempt that has ended is in no further heartbeat",
      "Heartbeats go on while code holds the interpreter",
      "Heartbeats keep the lease of an attempt that outlasts it",
      "One heartbeat covers all attempts",
      "Progress goes along with heartbeats",
      "The lease of a result that waits to be reported is kept",
    ],
  ],
  [
    "knows no deadlines",
    "timeouts",
    [
      "A deadline by a clock that is ahead is kept",
      "An attempt is stopped at its deadline",
      "An attempt whose deadline has passed when it begins is timed out",
      "Code knows its deadline",
      "Code that goes on after its deadline is abandoned",
      "Of several attempts only the one that is late is stopped",
      "What is returned after the deadline came too late",
    ],
  ],
  [
    "fails what it has no code for",
    "versions",
    ["A newer minor is given back", "A task without code is given back", "Another major version is given back"],
  ],
  ["asks for more than it has room for", "registration", ["A runner is not leased more than it has room for"]],
  ["reads one page of outputs", "dependencies", ["Outputs that do not fit into the lease are read page by page"]],
  [
    "sends telemetry after its result",
    "logs",
    [
      "A log record has its text, severity and attributes",
      "A log record names its attempt",
      "A log record names the span that was active",
      "Records of a failed attempt are there as well",
      "Records of a job that is not sampled are sent, though its spans are not",
      "Severities have OpenTelemetry's numbers",
      "Times of records tell in which order they were written",
    ],
  ],
  [
    "gives spans no parent",
    "spans",
    [
      "A library's span has its scope",
      "A span is below its attempt, in the trace of its job",
      "A span that is open for long is shown open, and then as it ended",
      "Spans nest",
      "Spans nest across a hop",
    ],
  ],
  [
    "does not say whose spans are",
    "spans",
    [
      "A span that is open for long is shown open, and then as it ended",
      "Every span says which attempt of which task of which job it is of",
      "The spans of attempts that run at once are not mixed up",
    ],
  ],
  ["hands on no tracestate", "propagation", ["The tracestate is handed on unchanged"]],
  [
    "hands on no baggage",
    "propagation",
    [
      "Attempts that run at once have each their own context",
      "Baggage reaches the code",
      "The context is there after a hop",
      "Within a span its own id is handed on, with the rest of the context",
    ],
  ],
  [
    "loses what makes an error terminal",
    "failures",
    [
      "A retryable error need not say when",
      "A retryable error says when to try again",
      "A terminal error is never to be tried again",
    ],
  ],
  [
    "loses children",
    "children",
    [
      "Children have the options they are given",
      "Children of a group wait for those of the groups it depends on",
      "Children travel with the success of their parent",
      "Children without options leave them to the server",
      "Many equal children cost their inputs and little else",
    ],
  ],
  [
    "loses progress",
    "progress",
    [
      "A hundred labels are the most",
      "Progress travels with a failure, too",
      "The last progress of each label travels with the result",
    ],
  ],
  [
    "registers without its capacity",
    "registration",
    ["A runner registers with its identity, its queues, its code and its capacity"],
  ],
  ["leases after SIGTERM", "shutdown", ["After SIGTERM the runner leases nothing more"]],
  [
    "says no goodbye",
    "shutdown",
    ["A runner without work ends at once", "SIGTERM lets what runs finish, and the runner ends well"],
  ],
  [
    "does not drain",
    "shutdown",
    ["A heartbeat that asks for a drain is followed", "An answer of LeaseTasks that asks for a drain is followed"],
  ],
  ["refuses unknown fields", "compatibility", ["Unknown fields of answers are passed over"]],
];

describe.concurrent("a broken runner fails the cases about its fault, and no others", () => {
  test.each(expected)("%s: %s", async (fault, suite, cases) => {
    expect(await places.with(() => failuresOf(fault, suite))).toEqual(cases);
  });
});

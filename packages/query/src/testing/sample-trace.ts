import { type SampleSpan, spanIdFor } from "./sample-spans.ts";

const MS = 1_000_000n;

/** When the sample trace starts: 2026-11-20 20:00 UTC. */
export const sampleTraceStartNs = 1_795_204_800_000_000_000n;

interface Node {
  name: string;
  /** From and to, milliseconds from the trace's start; no end while open. */
  at: readonly [from: number, to?: number];
  type?: NonNullable<SampleSpan["type"]>;
  attempt?: number;
  error?: string;
  outcome?: string;
  children?: readonly Node[];
}

function taskNode(name: string, at: Node["at"], attempts: readonly Node[], more: Partial<Node> = {}): Node {
  const children = attempts.map((node, index): Node => ({ type: "attempt", attempt: index + 1, ...node }));
  return { name: `task ${name}`, type: "task", at, children, ...more };
}

function fetchTask(name: string, from: number, to: number): Node {
  const request: Node = { name: `GET registry/${name}`, at: [from + 14, to - 22] };
  return taskNode("fetch", [1_420, to], [{ name: "fetch", at: [from, to], children: [request] }]);
}

const fetches: Node[] = [
  fetchTask("arrow", 1_440, 2_290),
  fetchTask("zod", 1_450, 1_910),
  taskNode(
    "fetch",
    [1_420, 6_840],
    [
      {
        name: "fetch",
        at: [1_455, 3_455],
        error: "registry did not answer within 2,000 ms",
        outcome: "timeout",
        children: [{ name: "GET registry/left-pad", at: [1_470, 3_455], error: "aborted" }],
      },
      { name: "fetch", at: [4_010, 4_630], error: "lease expired", outcome: "lost" },
      { name: "fetch", at: [5_900, 6_840], children: [{ name: "GET registry/left-pad", at: [5_912, 6_820] }] },
    ],
  ),
  fetchTask("データ変換", 1_930, 2_540),
  fetchTask("vitest", 2_300, 3_180),
  fetchTask("@opentelemetry/instrumentation-http", 2_550, 3_020),
];

const audit: Node = {
  name: "job audit",
  type: "job",
  at: [0],
  children: [
    taskNode(
      "list",
      [12, 1_418],
      [
        {
          name: "list",
          at: [38, 1_418],
          children: [
            { name: "read lockfile", at: [52, 64] },
            { name: "parse", at: [66, 702], children: [{ name: "yaml.parse", at: [70, 660] }] },
            { name: "resolve workspaces", at: [704, 1_400] },
          ],
        },
      ],
    ),
    ...fetches,
    taskNode(
      "check licences",
      [1_420, 8_930],
      [
        {
          name: "check licences",
          at: [6_862, 8_930],
          children: [
            { name: "load policy", at: [6_870, 6_873] },
            { name: "match 🚦 rules", at: [6_880, 8_400], children: [{ name: "SPDX parse", at: [6_890, 7_020] }] },
            { name: "write findings", at: [8_402, 8_928], error: "EACCES: permission denied, open 'findings.json'" },
          ],
        },
      ],
    ),
    taskNode(
      "report",
      [1_420],
      [
        {
          name: "report",
          at: [8_945],
          children: [
            { name: "render", at: [8_960, 10_200] },
            { name: "upload", at: [10_210] },
          ],
        },
      ],
    ),
  ],
};

/** A job as it runs: forty spans, retries, a timeout, a lost attempt, an error in user code, open spans, wide characters. */
export function sampleTrace(): SampleSpan[] {
  const spans: SampleSpan[] = [];
  const add = ({ name, at, type, attempt, error, outcome, children }: Node, parent: string | null): void => {
    const spanId = spanIdFor(spans.length);
    spans.push({
      spanId,
      parentSpanId: parent,
      name,
      type: type ?? "user",
      startNs: sampleTraceStartNs + BigInt(at[0]) * MS,
      endNs: at[1] === undefined ? null : sampleTraceStartNs + BigInt(at[1]) * MS,
      attempt: attempt ?? null,
      ...(error !== undefined && { status: "ERROR", statusMessage: error }),
      ...(outcome !== undefined && { outcome }),
    });
    for (const child of children ?? []) add(child, spanId);
  };
  add(audit, null);
  return spans;
}

import type { PathKind, PathSegment } from "@spanloom/query";

/** What a job's time went to, in the order that they are told apart. */
export const pathKinds: readonly PathKind[] = ["running", "queued", "blocked", "backoff", "overhead"];

/** What each kind of time is, for whoever has not read the documentation. */
export const kindTexts: Readonly<Record<PathKind, string>> = {
  running: "an attempt ran",
  queued: "waited for a runner, or for a place under a limit",
  blocked: "waited for a start time, or for another task",
  backoff: "waited between a failed attempt and the next",
  overhead: "neither ran nor waited: the engine's own time",
};

/** All time of one kind on the path. */
export interface KindPart {
  kind: PathKind;
  ns: number;
}

/** All time of one kind that spans of one name took. */
export interface NamePart extends KindPart {
  name: string;
  steps: number;
  longest: PathSegment;
}

/** How long the path is. */
export function pathNs(segments: readonly PathSegment[]): number {
  return segments.reduce((sum, { durationNs }) => sum + durationNs, 0);
}

/** What the time went to by kind, the most first. */
export function partsByKind(segments: readonly PathSegment[]): KindPart[] {
  const sums = new Map<PathKind, number>();
  for (const { kind, durationNs } of segments) sums.set(kind, (sums.get(kind) ?? 0) + durationNs);
  return Array.from(sums, ([kind, ns]) => ({ kind, ns })).sort((a, b) => b.ns - a.ns);
}

/** What the time went to by kind and name, the most first. */
export function partsByName(segments: readonly PathSegment[]): NamePart[] {
  const parts = new Map<string, NamePart>();
  for (const segment of segments) {
    const { kind, name, durationNs } = segment;
    const part = parts.get(`${kind} ${name}`);
    if (!part) parts.set(`${kind} ${name}`, { kind, name, ns: durationNs, steps: 1, longest: segment });
    else {
      part.ns += durationNs;
      part.steps += 1;
      if (durationNs > part.longest.durationNs) part.longest = segment;
    }
  }
  return [...parts.values()].sort((a, b) => b.ns - a.ns);
}

/** A step of the path to be shown, or how many shorter ones lie between two that are. */
export type PathStep = { segment: PathSegment; fromNs: number } | { hidden: number; ns: number; fromNs: number };

/** The longest steps in order of time, with what is left out counted where it lies. `fromNs` is from the job's start. */
export function longestSteps(segments: readonly PathSegment[], most: number): PathStep[] {
  const shown = new Set(segments.toSorted((a, b) => b.durationNs - a.durationNs).slice(0, most));
  const steps: PathStep[] = [];
  let fromNs = 0;
  for (const segment of segments) {
    const last = steps.at(-1);
    if (shown.has(segment)) steps.push({ segment, fromNs });
    else if (last && "hidden" in last) {
      last.hidden += 1;
      last.ns += segment.durationNs;
    } else steps.push({ hidden: 1, ns: segment.durationNs, fromNs });
    fromNs += segment.durationNs;
  }
  return steps;
}

/** A stretch of columns that one kind took most of. */
export interface StripRun {
  kind: PathKind;
  from: number;
  to: number;
}

/** The path as a strip of columns: each is of the kind that took most of its time. */
export function stripOf(segments: readonly PathSegment[], columns: number): StripRun[] {
  const total = pathNs(segments);
  if (total <= 0) return [];
  const runs: StripRun[] = [];
  const times = new Float64Array(pathKinds.length);
  let [at, startNs] = [0, 0];
  for (let column = 0; column < columns; column++) {
    const [from, to] = [(column / columns) * total, ((column + 1) / columns) * total];
    times.fill(0);
    for (; at < segments.length; at++) {
      const { kind, durationNs } = segments[at]!;
      times[pathKinds.indexOf(kind)]! += Math.min(to, startNs + durationNs) - Math.max(from, startNs);
      // What reaches beyond this column is looked at again for the next.
      if (startNs + durationNs > to) break;
      startNs += durationNs;
    }
    const kind = pathKinds[times.indexOf(Math.max(...times))]!;
    const last = runs.at(-1);
    if (last?.kind === kind) last.to = column + 1;
    else runs.push({ kind, from: column, to: column + 1 });
  }
  return runs;
}

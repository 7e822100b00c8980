import { shellWord } from "../../waterfall/copy-text.ts";
import { durationMs, splitConditions } from "./condition-text.ts";
import { type ExploreView, parseList } from "./explore-view.ts";

/** Conditions that the command line takes as a list, and its words for them. */
const lists = ["type", "status", "outcome", "queue", "runner", "service"] as const;

/**
 * The command that writes the spans of a view to a file; undefined where the command line has no word for a condition: an
 * attribute that is not there, or a length of time that is none.
 */
export function cliCommand(view: ExploreView, origin: string): string | undefined {
  const attributes = splitConditions(view.attributes);
  const lengths = [lengthFlag("--min-duration", view.min), lengthFlag("--max-duration", view.max)];
  if (attributes.some((part) => part.startsWith("!")) || lengths.includes(undefined)) return undefined;
  const words = [
    ...parseList(view.job),
    ...(view.name === "" ? [] : ["--name", view.name]),
    ...lists.flatMap((key) => (view[key] === "" ? [] : [`--${key}`, parseList(view[key]).join(",")])),
    ...lengths.flatMap((flag) => flag ?? []),
    ...(view.open === "" ? [] : [view.open === "true" ? "--open" : "--ended"]),
    ...attributes.flatMap((part) => ["--attr", part]),
    ...timeFlags(view),
    "--out",
    "spans.parquet",
  ];
  return ["spanloom", "--url", origin, "spans", ...words]
    .map((word) => (word === "" ? "''" : shellWord(word)))
    .join(" ");
}

/** Nothing for a length that is not asked for; undefined for one that is none, or nothing, which the command line refuses. */
function lengthFlag(flag: string, text: string): string[] | undefined {
  if (text === "") return [];
  try {
    const ms = durationMs(text);
    return ms > 0 ? [flag, `${ms.toFixed(6).replace(/\.?0+$/, "")}ms`] : undefined;
  } catch {
    return undefined; // The page says what is wrong with it where it is typed.
  }
}

function timeFlags({ from, to, period }: ExploreView): string[] {
  if (from === "") return period === "all" ? [] : ["--since", period];
  const until = to === "" ? [] : ["--until", isoTime(to)];
  return ["--since", isoTime(from), ...until];
}

function isoTime(ms: string): string {
  return new Date(Number(ms)).toISOString();
}

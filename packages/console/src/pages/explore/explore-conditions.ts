import { type SpanConditions, textCondition } from "@spanloom/query";
import { attributeConditions, durationMs } from "./condition-text.ts";
import { type ExploreView, parseList } from "./explore-view.ts";
import type { TimeSpan } from "./time-span.ts";

/** Conditions of a view, or what keeps them from being asked for. */
export interface ViewConditions {
  conditions: SpanConditions;
  /** For the one who typed them; empty when all is well. */
  problems: readonly string[];
}

/** The conditions of a view, within a time if there is one. What is typed wrong is told and left out. */
export function conditionsOf(view: ExploreView, time: TimeSpan | undefined): ViewConditions {
  const problems: string[] = [];
  const attempt = <Value>(read: () => Value): Value | undefined => {
    try {
      return read();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  const min = view.min === "" ? undefined : attempt(() => durationMs(view.min));
  const max = view.max === "" ? undefined : attempt(() => durationMs(view.max));
  const attributes = attempt(() => attributeConditions(view.attributes)) ?? [];
  const conditions = {
    ...listed(view),
    ...(view.name !== "" && { name: textCondition(view.name) }),
    ...((min !== undefined || max !== undefined) && {
      durationMs: { ...(min !== undefined && { min }), ...(max !== undefined && { max }) },
    }),
    ...(view.open !== "" && { open: view.open === "true" }),
    ...(attributes.length > 0 && { and: attributes }),
    ...(time && { start: { from: new Date(time.fromMs), to: new Date(time.toMs) } }),
  };
  return { conditions, problems };
}

const lists = ["job", "type", "status", "outcome", "queue", "runner", "service"] as const;

/** Conditions that are lists. The server refuses words that it does not know, and says which it does. */
function listed(view: ExploreView): SpanConditions {
  const entries = lists.filter((key) => view[key] !== "").map((key) => [key, parseList(view[key])]);
  return Object.fromEntries(entries) as SpanConditions;
}

import { askGroups, type GroupList } from "./ask-explore.ts";
import { parseList } from "./explore-view.ts";
import { type GroupKey, groupKeys } from "./group-key.ts";
import { type MeasureText, shownMeasures } from "./measures.ts";
import { type Answer, useAnswer } from "./use-answer.ts";
import type { Explore } from "./use-explore.ts";

/** Groups that a chart draws; the rest is drawn as one where it can be. */
export const DRAWN_GROUPS = 7;

/** The largest groups by the measure that is drawn. */
export function useDrawnGroups(explore: Explore, keys: readonly GroupKey[], measure: MeasureText): Answer<GroupList> {
  const { time, key } = explore;
  const asked = time && keys.length > 0 ? `${key} ${explore.view.group} ${measure.measure}` : undefined;
  const ask = { keys, shown: shownMeasures([measure.measure]), sort: `-${measure.column}`, limit: DRAWN_GROUPS };
  return useAnswer(asked, (signal) => askGroups(explore.asking(signal), ask));
}

/** Groups as the table shows them. */
export function useGroupTable(explore: Explore, limit: number) {
  const { view, time, key } = explore;
  const keys = groupKeys(view);
  const shown = shownMeasures(parseList(view.measures));
  const asked = time && keys.length > 0 ? [key, view.group, view.measures, view.sort, limit].join(" ") : undefined;
  const answer = useAnswer(asked, async (signal) => {
    const list = await askGroups(explore.asking(signal), { keys, shown, sort: view.sort, limit });
    // What was asked for stands beside what came, so that a table never has the rows of other columns.
    return { ...list, keys, shown };
  });
  return { keys, answer };
}

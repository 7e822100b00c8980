import { askGroups } from "./ask-explore.ts";
import { parseList } from "./explore-view.ts";
import { groupKeys } from "./group-key.ts";
import { shownMeasures } from "./measures.ts";
import { useAnswer } from "./use-answer.ts";
import type { Explore } from "./use-explore.ts";

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

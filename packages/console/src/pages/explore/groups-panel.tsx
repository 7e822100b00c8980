import { useState } from "react";
import { LoadingRows } from "../../widgets/notice.tsx";
import { SortHead } from "../../widgets/sort-head.tsx";
import type { Group } from "./ask-explore.ts";
import { GroupBar } from "./group-bar.tsx";
import { type GroupKey, groupText, narrowTo } from "./group-key.ts";
import type { MeasureText } from "./measures.ts";
import { QueryProblem } from "./query-problem.tsx";
import type { Explore } from "./use-explore.ts";
import { useGroupTable } from "./use-group-table.ts";

const FIRST_GROUPS = 20;
const MORE_GROUPS = 200;

/** Groups of spans and what was measured of them; a press on one looks at it alone. */
export function GroupsPanel({ explore }: { explore: Explore }) {
  const [limit, setLimit] = useState(FIRST_GROUPS);
  const { keys, answer } = useGroupTable(explore, limit);
  const { data, error, loading } = answer;
  return (
    <section className="panel" aria-label="Groups">
      <GroupBar explore={explore} keys={keys} />
      {error !== undefined && <QueryProblem error={error} onRetry={explore.refresh} />}
      {keys.length === 0 && <p className="quiet">Grouped by nothing: choose what to tell spans apart by.</p>}
      {keys.length > 0 && !data && loading && <LoadingRows rows={4} />}
      {data && keys.length > 0 && (
        <>
          <GroupTable explore={explore} groups={data.groups} keys={data.keys} shown={data.shown} />
          {data.more && (
            <p className="panel-foot">
              {limit < MORE_GROUPS ? (
                <button type="button" className="button" disabled={loading} onClick={() => setLimit(MORE_GROUPS)}>
                  Show {MORE_GROUPS}
                </button>
              ) : (
                <span className="quiet">The first {MORE_GROUPS} are shown: download the groups to have them all.</span>
              )}
            </p>
          )}
        </>
      )}
    </section>
  );
}

interface GroupTableProps {
  explore: Explore;
  groups: readonly Group[];
  keys: readonly GroupKey[];
  shown: readonly MeasureText[];
}

function GroupTable({ explore, groups, keys, shown }: GroupTableProps) {
  const { view, show } = explore;
  const sorting = { order: view.sort, onOrder: (sort: string) => show({ sort }) };
  const most = Math.max(1, ...groups.map(({ measured }) => measured.count ?? 0));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Groups of spans" tabIndex={0}>
      <table className="table groups-table">
        <thead>
          <tr>
            {keys.map(({ column, label }) => (
              <SortHead key={column} column={column} label={label} {...sorting} />
            ))}
            {shown.map(({ column, label }) => (
              <SortHead key={column} column={column} label={label} {...sorting} largestFirst number />
            ))}
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <GroupRow
              key={JSON.stringify(group.values)}
              explore={explore}
              group={group}
              keys={keys}
              shown={shown}
              most={most}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function GroupRow({
  explore,
  group,
  keys,
  shown,
  most,
}: Omit<GroupTableProps, "groups"> & { group: Group; most: number }) {
  const { view, show } = explore;
  const change = narrowTo(view, keys, group.values);
  return (
    <tr>
      {group.values.map((value, at) => {
        const text = groupText(value);
        return (
          <td key={keys[at]?.column} className={at === 0 ? "wide" : ""}>
            {at === 0 && change ? (
              <button
                type="button"
                className="row-button"
                title="Look at this group alone"
                onClick={() => show(change)}
              >
                {text}
              </button>
            ) : (
              <span className={text === "(none)" ? "quiet" : ""}>{text}</span>
            )}
          </td>
        );
      })}
      {shown.map(({ column, format }) => {
        const value = group.measured[column] ?? null;
        const bad = (column === "errors" || column === "error_rate") && (value ?? 0) > 0;
        return (
          <td key={column} className={`number ${bad ? "span-failed" : ""}`}>
            {column === "count" && (
              <progress className="group-share" max={most} value={value ?? 0} aria-hidden="true" />
            )}
            <span className={column === "count" ? "group-count" : ""}>{format(value)}</span>
          </td>
        );
      })}
    </tr>
  );
}

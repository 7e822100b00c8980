import type { CSSProperties } from "react";
import { countsText, stateCounts, toneOf } from "./state-counts.ts";
import type { GraphNode } from "./task-graph.ts";

interface GraphBoxProps {
  node: GraphNode;
  at: number;
  style: CSSProperties;
  selected: boolean;
  onSelect: () => void;
  onTurn: () => void;
  onFocus: () => void;
}

/** A box of the graph: what it is called, and in which state its tasks are; a group has a button that opens it. */
export function GraphBox({ node, at, style, selected, onSelect, onTurn, onFocus }: GraphBoxProps) {
  const { key, label, group, tasks, many } = node;
  const counts = stateCounts(tasks);
  const opens = group === key;
  return (
    <div className={`graph-box box-${toneOf(counts)} ${many ? "box-many" : ""}`} style={style}>
      <button
        type="button"
        data-at={at}
        className="box-main"
        title={`${label}: ${countsText(counts)}`}
        aria-pressed={selected}
        onClick={onSelect}
        onFocus={onFocus}
      >
        <span className="box-label">
          <span className="box-name">{label}</span>
          {many && <span className="box-count">×{tasks.length.toLocaleString()}</span>}
        </span>
        <span className="box-state">
          {many ? <Shares counts={counts} /> : <TaskState node={node} counts={counts} />}
        </span>
      </button>
      {opens && (
        <button
          type="button"
          className="box-open"
          title="Show one by one"
          aria-label={`Open ${label}`}
          onClick={onTurn}
        >
          +
        </button>
      )}
    </div>
  );
}

function TaskState({ node, counts }: { node: GraphNode; counts: ReturnType<typeof stateCounts> }) {
  const [task] = node.tasks;
  // Tasks of one name that nobody named further are told apart by their ids.
  const isNameless = node.group !== undefined && task?.label === task?.name;
  return (
    <>
      {counts[0]?.name} {isNameless && <span className="quiet mono">{task?.id.slice(-6)}</span>}
    </>
  );
}

function Shares({ counts }: { counts: ReturnType<typeof stateCounts> }) {
  return (
    <>
      <span className="counts-bar">
        {counts.map(({ name, tone, count }) => (
          <span key={name} className={`fill-${tone}`} style={{ flexGrow: count }} />
        ))}
      </span>
      <span className="box-counts">
        {counts
          .slice(0, 2)
          .map(({ name, count }) => `${count.toLocaleString()} ${name}`)
          .join(", ")}
      </span>
    </>
  );
}

import { taskStateText } from "../text/task-states.ts";
import { stateCounts } from "./state-counts.ts";
import type { GraphNode } from "./task-graph.ts";
import type { GraphTask } from "./task-pages.ts";

interface GroupPanelProps {
  node: GraphNode;
  onMember: (task: GraphTask) => void;
  /** Shows its tasks one by one, where that is possible. */
  onApart: (() => void) | undefined;
  onTogether: (() => void) | undefined;
  onClose: () => void;
}

/** Tasks of a group that are listed. */
const LISTED = 50;

/** What is known of several tasks: how many are in which state, and which of them one may want to see. */
export function GroupPanel({ node, onMember, onApart, onTogether, onClose }: GroupPanelProps) {
  const counts = stateCounts(node.tasks);
  const listed = counts
    .flatMap(({ name }) => node.tasks.filter(({ state }) => taskStateText(state).name === name))
    .slice(0, LISTED);
  return (
    <aside className="span-panel" aria-label="Selected tasks">
      <header>
        <h2>{node.label}</h2>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the tasks">
          ×
        </button>
      </header>
      <p className="quiet">{node.tasks.length.toLocaleString()} tasks</p>
      <ul className="state-list">
        {counts.map(({ name, tone, count }) => (
          <li key={name}>
            <span className={`badge state-${tone}`}>{name}</span> {count.toLocaleString()}
          </li>
        ))}
      </ul>
      <p className="panel-links">
        {onApart && (
          <button type="button" className="button" onClick={onApart}>
            Show one by one
          </button>
        )}
        {onTogether && (
          <button type="button" className="button" onClick={onTogether}>
            Put together
          </button>
        )}
      </p>
      <ul className="task-list">
        {listed.map((task) => (
          <ListedTask key={task.id} task={task} onChoose={() => onMember(task)} />
        ))}
      </ul>
      {node.tasks.length > LISTED && <p className="quiet">and {(node.tasks.length - LISTED).toLocaleString()} more</p>}
    </aside>
  );
}

function ListedTask({ task: { label, state }, onChoose }: { task: GraphTask; onChoose: () => void }) {
  const { name, tone } = taskStateText(state);
  return (
    <li>
      <span className={`badge state-${tone}`}>{name}</span>{" "}
      <button type="button" className="link" onClick={onChoose}>
        {label}
      </button>
    </li>
  );
}

import type { Job } from "@spanloom/protocol";
import { type FormEvent, useMemo, useState } from "react";
import { EmptyState, ErrorState, LoadingRows } from "../widgets/notice.tsx";
import { ViewBody } from "../widgets/view-body.tsx";
import { type FoundTask, findTasks } from "./find-tasks.ts";
import { GraphCanvas } from "./graph-canvas.tsx";
import { GroupPanel } from "./group-panel.tsx";
import { countsText, stateCounts } from "./state-counts.ts";
import { type GraphNode, taskGraph } from "./task-graph.ts";
import type { GraphTask, TaskList } from "./task-pages.ts";
import { TaskPanel } from "./task-panel.tsx";
import { MOST_TASKS, useTasks } from "./use-tasks.ts";

/** A job's tasks as boxes, with lines for what waits for what and what submitted what; live. */
export function GraphView({ job }: { job: Job }) {
  const { data, error, refresh } = useTasks(job);
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  if (data.tasks.length === 0) return <EmptyState title="This job has no tasks" />;
  return <Graph job={job} list={data} />;
}

function Graph({ job, list }: { job: Job; list: TaskList }) {
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const [selectedKey, setSelected] = useState<string>();
  // A task of a group that is looked at without being a box of its own.
  const [member, setMember] = useState<GraphTask>();
  const graph = useMemo(() => taskGraph(list.tasks, turned), [list, turned]);
  const selected = graph.nodes.find(({ key }) => key === selectedKey);
  const counts = useMemo(() => stateCounts(list.tasks), [list]);
  const select = (key: string | undefined) => {
    setSelected(key);
    setMember(undefined);
  };
  const turn = ({ group }: GraphNode) => {
    if (group === undefined) return;
    setTurned(new Set(turned.has(group) ? [...turned].filter((each) => each !== group) : [...turned, group]));
    select(undefined);
  };
  return (
    <section className="graph" aria-label="Graph of tasks">
      <div className="view-bar">
        <FindTask
          nodes={graph.nodes}
          onFind={({ key, task }) => {
            setSelected(key);
            setMember(task);
          }}
        />
        <ul className="legend" aria-label="Kinds of lines">
          <li>
            <span className="legend-line legend-awaited" aria-hidden="true" /> waits for
          </li>
          <li>
            <span className="legend-line legend-made" aria-hidden="true" /> submitted
          </li>
        </ul>
        <span className="quiet view-counts" role="status" data-tasks={list.tasks.length}>
          {list.tasks.length.toLocaleString()} {list.tasks.length === 1 ? "task" : "tasks"}: {countsText(counts)}
        </span>
      </div>
      <ViewBody>
        <GraphCanvas graph={graph} selected={selectedKey} onSelect={({ key }) => select(key)} onTurn={turn} />
        {selected && (
          <Panel
            {...{ job, node: selected, member }}
            onMember={setMember}
            onTurn={turn}
            onClose={() => select(undefined)}
          />
        )}
      </ViewBody>
      {list.more && (
        <p className="quiet padded">
          These are the first {MOST_TASKS.toLocaleString()} tasks and there are more; the tab Tasks lists all of them.
        </p>
      )}
      {graph.hidden > 0 && (
        <p className="quiet padded">
          {graph.hidden.toLocaleString()} tasks lie below these boxes: there would be more than can be told apart.
        </p>
      )}
    </section>
  );
}

interface PanelProps {
  job: Job;
  node: GraphNode;
  member: GraphTask | undefined;
  onMember: (task: GraphTask | undefined) => void;
  onTurn: (node: GraphNode) => void;
  onClose: () => void;
}

function Panel({ job, node, member, onMember, onTurn, onClose }: PanelProps) {
  const isOpenable = node.group === node.key;
  const turn = () => onTurn(node);
  const together = node.group === undefined || isOpenable ? undefined : turn;
  const task = node.many ? member : node.tasks[0];
  if (!task)
    return (
      <GroupPanel {...{ node, onMember, onClose }} onApart={isOpenable ? turn : undefined} onTogether={together} />
    );
  const back = node.many ? () => onMember(undefined) : undefined;
  return (
    <TaskPanel
      key={task.id}
      {...{ job, onClose }}
      taskId={task.id}
      state={task.state}
      onBack={back}
      onTogether={together}
    />
  );
}

function FindTask({ nodes, onFind }: { nodes: readonly GraphNode[]; onFind: (found: FoundTask) => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(-1);
  const found = useMemo(() => findTasks(nodes, text), [nodes, text]);
  const next = (event: FormEvent) => {
    event.preventDefault();
    const one = found[(at + 1) % found.length];
    if (!one) return;
    setAt((at + 1) % found.length);
    onFind(one);
  };
  return (
    <form className="graph-find" onSubmit={next}>
      <input
        id="search"
        type="search"
        aria-label="Find tasks by name, state or id"
        placeholder="name, state or id"
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          setAt(-1);
        }}
      />
      <button type="submit" className="button" disabled={found.length === 0}>
        Next
      </button>
      <span className="quiet" role="status">
        {text !== "" &&
          (at === -1 ? `${found.length.toLocaleString()} found` : `${at + 1} of ${found.length.toLocaleString()}`)}
      </span>
    </form>
  );
}

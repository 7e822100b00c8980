import type { Job } from "@spanloom/protocol";
import { Link } from "wouter";
import { spanPath } from "../text/span-path.ts";
import { exactTime } from "../text/time-text.ts";
import { CopyButton } from "../widgets/copy-button.tsx";
import type { LogLine } from "./log-lines.ts";

interface LogPanelProps {
  job: Job;
  line: LogLine;
  attributes: Readonly<Record<string, string>>;
  onTask: (taskId: string) => void;
  onClose: () => void;
}

/** All of one record: its whole text, its attributes, and the way to what wrote it. */
export function LogPanel({ job, line, attributes, onTask, onClose }: LogPanelProps) {
  const { timeMs, severity, body, spanId, taskId, taskName, attempt, runnerId, scopeName, eventName } = line;
  const facts = {
    time: exactTime(timeMs),
    task: attempt > 0 ? `${taskName} #${attempt}` : taskName,
    runner: runnerId,
    logger: scopeName,
    event: eventName,
  };
  return (
    <aside className="span-panel" aria-label="Selected record">
      <header>
        <h2 className={`log-${severity}`}>
          <span className="log-severity">{severity === "none" ? "record" : severity}</span>
        </h2>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the record">
          ×
        </button>
      </header>
      <pre className="span-stack">{body}</pre>
      <p className="panel-links">
        {spanId !== "" && <Link href={spanPath(job.id, spanId)}>See its span</Link>}
        {taskId !== "" && (
          <button type="button" className="button button-quiet" onClick={() => onTask(taskId)}>
            Only this task
          </button>
        )}
        <span>
          text <CopyButton text={body} label="text" />
        </span>
      </p>
      <Facts title="Record" facts={facts} />
      <Facts title="Attributes" facts={attributes} />
    </aside>
  );
}

function Facts({ title, facts }: { title: string; facts: Readonly<Record<string, string>> }) {
  const entries = Object.entries(facts).filter(([, value]) => value !== "");
  if (entries.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <dl className="span-facts">
        {entries.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

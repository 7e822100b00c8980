import { useState } from "react";
import { Link } from "wouter";
import { PauseDialog } from "./pause-dialog.tsx";
import { type Definition, fireSchedule, resumeDefinition } from "./steer-definition.ts";

interface DefinitionHeadProps {
  of: Definition;
  paused: boolean;
  description: string;
  /** The list that it is from. */
  back: { href: string; label: string };
  onDone: () => void;
}

/** The name of a schedule or trigger, how it stands, and what can be done to it. */
export function DefinitionHead({ of, paused, description, back, onDone }: DefinitionHeadProps) {
  return (
    <header className="page-head job-head">
      <div>
        <p className="crumbs">
          <Link href={back.href}>{back.label}</Link> /
        </p>
        <h1>
          <bdi>{of.name}</bdi> <DefinitionBadge paused={paused} failing={false} />
        </h1>
        {description !== "" && <p className="quiet">{description}</p>}
      </div>
      <DefinitionActions {...{ of, paused, onDone }} />
    </header>
  );
}

/** What can be done to a schedule or trigger. */
export function DefinitionActions({ of, paused, onDone }: { of: Definition; paused: boolean; onDone: () => void }) {
  const [asking, setAsking] = useState(false);
  return (
    <div className="actions">
      {of.kind === "schedule" && (
        <button type="button" className="button" onClick={() => void fireSchedule(of.name).then(onDone)}>
          Fire now
        </button>
      )}
      {paused ? (
        <button type="button" className="button" onClick={() => void resumeDefinition(of).then(onDone)}>
          Resume
        </button>
      ) : (
        <button type="button" className="button" onClick={() => setAsking(true)}>
          Pause
        </button>
      )}
      {asking && <PauseDialog of={of} onClose={() => setAsking(false)} onDone={onDone} />}
    </div>
  );
}

/** Whether it fires, and whether its last firings failed. */
export function DefinitionBadge({ paused, failing }: { paused: boolean; failing: boolean }) {
  if (paused) return <span className="badge state-blocked">paused</span>;
  if (failing) return <span className="badge state-failed">failing</span>;
  return <span className="badge state-succeeded">active</span>;
}

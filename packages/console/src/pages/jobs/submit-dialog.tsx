import { useId, useState } from "react";
import { useLocation } from "wouter";
import { jobs, runners } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { showToast } from "../../state/toasts.ts";
import { randomKey } from "../../text/random-key.ts";
import { Dialog } from "../../widgets/dialog.tsx";
import { CodeField, TextField } from "../../widgets/field.tsx";
import { type Draft, DraftProblem, emptyDraft, toSubmission } from "./submission-draft.ts";

const RUNNERS_MS = 10_000;

/** Asks for one task with its input, and submits it as a job. */
export function SubmitDialog({ onClose }: { onClose: () => void }) {
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState(emptyDraft);
  // The same for every try, so that a job whose answer was lost is not submitted twice.
  const [key] = useState(randomKey);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const edit = (change: Partial<Draft>) => {
    setDraft({ ...draft, ...change });
    setProblem(undefined);
  };
  const submit = async () => {
    setBusy(true);
    try {
      const { job, existed } = await jobs.submitJob(toSubmission(draft, key));
      if (!job) throw new Error("the server answered without a job");
      showToast("good", existed ? `${job.name} was submitted under this key before` : `Submitted ${job.name}`);
      onClose();
      navigate(`/jobs/${job.id}`);
    } catch (error) {
      setProblem(error instanceof DraftProblem ? error.message : errorText(error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Submit a job" action="Submit" {...{ busy, problem, onClose }} onSubmit={() => void submit()}>
      <DraftFields draft={draft} onChange={edit} />
    </Dialog>
  );
}

function DraftFields({ draft, onChange }: { draft: Draft; onChange: (change: Partial<Draft>) => void }) {
  const listId = useId();
  const known = usePoll("task names", RUNNERS_MS, taskNames);
  return (
    <>
      <TextField
        label="Task"
        hint={known.data?.length === 0 ? "No runner is there; the job will wait for one." : "as a runner registered it"}
        value={draft.task}
        onChange={(task) => onChange({ task })}
        list={listId}
        required
      />
      <datalist id={listId}>
        {known.data?.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <CodeField label="Input, as JSON" value={draft.input} onChange={(input) => onChange({ input })} />
      <TextField
        label="Name of the job"
        value={draft.name}
        placeholder={draft.task || "the task's"}
        onChange={(name) => onChange({ name })}
      />
      <div className="field-pair">
        <TextField label="Queue" value={draft.queue} placeholder="default" onChange={(queue) => onChange({ queue })} />
        <TextField
          label="Tags"
          value={draft.tags}
          placeholder="region=eu, owner=ann"
          onChange={(tags) => onChange({ tags })}
        />
      </div>
      <MoreFields draft={draft} onChange={onChange} />
    </>
  );
}

/** What most jobs are submitted without. */
function MoreFields({ draft, onChange }: { draft: Draft; onChange: (change: Partial<Draft>) => void }) {
  return (
    <details className="more-fields">
      <summary>More options</summary>
      <div className="field-pair field-pair-even">
        <TextField
          label="Attempts"
          value={draft.attempts}
          placeholder="1"
          hint="in all, when it fails"
          onChange={(attempts) => onChange({ attempts })}
        />
        <TextField
          label="Priority"
          value={draft.priority}
          placeholder="0"
          hint="higher runs first"
          onChange={(priority) => onChange({ priority })}
        />
        <TextField
          label="Attempt timeout"
          value={draft.attemptTimeout}
          placeholder="none"
          hint="such as 30s"
          onChange={(attemptTimeout) => onChange({ attemptTimeout })}
        />
        <TextField
          label="Queue timeout"
          value={draft.queueTimeout}
          placeholder="none"
          hint="longest it may wait"
          onChange={(queueTimeout) => onChange({ queueTimeout })}
        />
        <TextField
          label="Start"
          type="datetime-local"
          value={draft.startAt}
          hint="not before this, by your clock"
          onChange={(startAt) => onChange({ startAt })}
        />
        <TextField
          label="Deadline"
          value={draft.deadline}
          placeholder="none"
          hint="from now, such as 2h"
          onChange={(deadline) => onChange({ deadline })}
        />
      </div>
      <TextField
        label="Idempotency key"
        value={draft.idempotencyKey}
        placeholder="a new one"
        hint="The same key with the same job is that job, not another."
        onChange={(idempotencyKey) => onChange({ idempotencyKey })}
      />
    </details>
  );
}

/** Names of tasks that runners can run now. */
async function taskNames(signal: AbortSignal): Promise<string[]> {
  const { runners: listed } = await runners.listRunners({ pageSize: 1_000 }, { signal });
  return [...new Set(listed.flatMap(({ identifiers }) => identifiers.map(({ name }) => name)))].sort();
}

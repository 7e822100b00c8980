import { useId, useState } from "react";
import { useLocation } from "wouter";
import { jobs, runners } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { showToast } from "../../state/toasts.ts";
import { payloadBytes } from "../../text/payload.ts";
import { randomKey } from "../../text/random-key.ts";
import { parseTags } from "../../text/tag-list.ts";
import { Dialog } from "../../widgets/dialog.tsx";
import { CodeField, TextField } from "../../widgets/field.tsx";

const RUNNERS_MS = 10_000;

/** What is typed to submit a job. */
interface Draft {
  task: string;
  input: string;
  name: string;
  queue: string;
  tags: string;
}

const emptyDraft: Draft = { task: "", input: "", name: "", queue: "", tags: "" };

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
      const job = await submitDraft(draft, key);
      showToast("good", `Submitted ${job.name}`);
      onClose();
      navigate(`/jobs/${job.id}`);
    } catch (error) {
      setProblem(error instanceof SyntaxError ? `The input is no JSON: ${error.message}` : errorText(error).message);
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
    </>
  );
}

/** Names of tasks that runners can run now. */
async function taskNames(signal: AbortSignal): Promise<string[]> {
  const { runners: listed } = await runners.listRunners({ pageSize: 1_000 }, { signal });
  return [...new Set(listed.flatMap(({ identifiers }) => identifiers.map(({ name }) => name)))].sort();
}

/** Errors: SyntaxError when the input is not JSON; whatever the server refuses. */
async function submitDraft(draft: Draft, idempotencyKey: string) {
  const task = draft.task.trim();
  const { job } = await jobs.submitJob({
    name: draft.name.trim() || task,
    queue: draft.queue.trim(),
    tags: parseTags(draft.tags),
    idempotencyKey,
    tasks: {
      specs: [{ identifier: { name: task } }],
      groups: [{ inputs: [payloadBytes(draft.input)], specs: [0] }],
    },
  });
  if (!job) throw new Error("the server answered without a job");
  return job;
}

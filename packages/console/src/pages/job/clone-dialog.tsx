import type { Job, Task } from "@spanloom/protocol";
import { useState } from "react";
import { useLocation } from "wouter";
import { jobs } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { showToast } from "../../state/toasts.ts";
import { payloadText } from "../../text/payload.ts";
import { randomKey } from "../../text/random-key.ts";
import { formatTags, parseTags } from "../../text/tag-list.ts";
import { Dialog } from "../../widgets/dialog.tsx";
import { CodeField, TextField } from "../../widgets/field.tsx";
import { editedInputs } from "./edited-inputs.ts";

/** Inputs of a clone are edited one by one; of more roots than this all stay as they are. */
const MOST_ROOTS = 5;

/** Asks what a copy of a job has that the job has not, and submits it. */
export function CloneDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const [, navigate] = useLocation();
  const [name, setName] = useState(job.name);
  const [tags, setTags] = useState(formatTags(job.tags));
  const [inputs, setInputs] = useState<Readonly<Record<string, string>>>({});
  const [key] = useState(randomKey);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const roots = useRoots(job.id);
  const clone = async () => {
    setBusy(true);
    try {
      const { job: copy } = await jobs.cloneJob({
        jobId: job.id,
        name: name === job.name ? "" : name,
        tags: parseTags(tags),
        idempotencyKey: key,
        inputs: editedInputs(roots ?? [], inputs),
      });
      showToast("good", `Submitted a clone of ${job.name}`);
      onClose();
      if (copy) navigate(`/jobs/${copy.id}`);
    } catch (error) {
      setProblem(error instanceof SyntaxError ? `An input is no JSON: ${error.message}` : errorText(error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Clone ${job.name}`} action="Clone" {...{ busy, problem, onClose }} onSubmit={() => void clone()}>
      <TextField label="Name" value={name} onChange={setName} />
      <TextField
        label="Tags"
        value={tags}
        onChange={setTags}
        hint="Tags that are taken away here stay with the clone."
      />
      {roots?.slice(0, MOST_ROOTS).map((root) => (
        <CodeField
          key={root.id}
          label={`Input of ${root.identifier?.name ?? "task"}`}
          value={inputs[root.id] ?? payloadText(root.input)}
          onChange={(text) => setInputs({ ...inputs, [root.id]: text })}
        />
      ))}
      {roots && roots.length > MOST_ROOTS && <p className="quiet">The other inputs stay as they are.</p>}
    </Dialog>
  );
}

const ROOTS_MS = 600_000;

/** The tasks that a job was submitted with, with their inputs; undefined until they are there, or when there are too many. */
function useRoots(jobId: string): readonly Task[] | undefined {
  const { data } = usePoll(`roots of ${jobId}`, ROOTS_MS, async (signal) => {
    const answer = await jobs.listTasks({ jobId, includePayloads: true, pageSize: 100 }, { signal });
    const listed = answer.tasks.filter(({ parentId }) => parentId === "");
    // In the order they were created roots come first: a page that holds more than roots holds all of them.
    return listed.length < answer.tasks.length || answer.nextPageToken === "" ? listed : undefined;
  });
  return data;
}

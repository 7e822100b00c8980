import type { Job } from "@spanloom/protocol";
import { useState } from "react";
import { jobs as service } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { showToast } from "../../state/toasts.ts";
import { Dialog } from "../../widgets/dialog.tsx";
import { TextField } from "../../widgets/field.tsx";
import { countText, forEachJob, showTally } from "../jobs/many-jobs.ts";

interface CancelDialogProps {
  jobs: readonly Job[];
  onClose: () => void;
  onDone: () => void;
}

/** Asks whether to cancel a job, or several, and why. */
export function CancelDialog({ jobs, onClose, onDone }: CancelDialogProps) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const only = jobs.length === 1 ? jobs[0] : undefined;
  const cancel = async () => {
    setBusy(true);
    const tally = await forEachJob(jobs, ({ id }) => service.cancelJob({ jobId: id, reason }));
    setBusy(false);
    if (only && tally.problems.length > 0) return setProblem(errorText(tally.problems[0]).message);
    if (only) showToast("good", `Cancelled ${only.name}`);
    else showTally("Cancelled", tally);
    onDone();
    onClose();
  };
  return (
    <Dialog
      title={`Cancel ${only ? only.name : countText(jobs.length)}?`}
      action={only ? "Cancel the job" : "Cancel the jobs"}
      tone="danger"
      {...{ busy, problem, onClose }}
      onSubmit={() => void cancel()}
    >
      <p>Tasks that wait are not run; those that run are told to stop. {only ? "It" : "They"} can be retried after.</p>
      <TextField label="Reason" value={reason} onChange={setReason} placeholder="shown with the job" />
    </Dialog>
  );
}

import type { Job } from "@spanloom/protocol";
import { useState } from "react";
import { jobs } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { showToast } from "../../state/toasts.ts";
import { Dialog } from "../../widgets/dialog.tsx";
import { TextField } from "../../widgets/field.tsx";

/** Asks whether to cancel a job, and why. */
export function CancelDialog({ job, onClose, onDone }: { job: Job; onClose: () => void; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const cancel = async () => {
    setBusy(true);
    try {
      await jobs.cancelJob({ jobId: job.id, reason });
      showToast("good", `Cancelled ${job.name}`);
      onDone();
      onClose();
    } catch (error) {
      setProblem(errorText(error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Cancel ${job.name}?`}
      action="Cancel the job"
      tone="danger"
      {...{ busy, problem, onClose }}
      onSubmit={() => void cancel()}
    >
      <p>Tasks that wait are not run; those that run are told to stop. It can be retried after.</p>
      <TextField label="Reason" value={reason} onChange={setReason} placeholder="shown with the job" />
    </Dialog>
  );
}

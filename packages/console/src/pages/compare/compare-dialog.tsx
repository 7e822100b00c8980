import type { Job } from "@spanloom/protocol";
import { useState } from "react";
import { useLocation } from "wouter";
import { jobs } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { shortId } from "../../text/short-id.ts";
import { Dialog } from "../../widgets/dialog.tsx";
import { TextField } from "../../widgets/field.tsx";
import { LoadingRows } from "../../widgets/notice.tsx";
import { StateBadge } from "../../widgets/state-badge.tsx";
import { Duration, RelativeTime } from "../../widgets/time.tsx";
import { comparisonOf } from "./compare-path.ts";

const EVERY_MS = 10_000;
const OFFERED = 12;

/** Asks which job to compare one with: recent ones of its name are offered, any other is taken by its id. */
export function CompareDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const [, navigate] = useLocation();
  const [chosen, setChosen] = useState<string>();
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const { data: alike, error } = usePoll(`jobs named ${job.name}`, EVERY_MS, async (signal) => {
    const answer = await jobs.listJobs({ filter: { name: job.name }, pageSize: OFFERED + 1 }, { signal });
    return answer.jobs.filter(({ id }) => id !== job.id).slice(0, OFFERED);
  });
  const chosenId = typed.trim() || (chosen ?? alike?.[0]?.id ?? "");
  const compare = async () => {
    if (chosenId === "") {
      setProblem("Choose a job, or enter the id of one.");
      return;
    }
    setBusy(true);
    try {
      const { job: other } = await jobs.getJob({ jobId: chosenId });
      onClose();
      if (other) navigate(comparisonOf(job, other));
    } catch (reason) {
      setProblem(errorText(reason).message);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Compare ${job.name} with…`}
      action="Compare"
      {...{ busy, problem, onClose }}
      onSubmit={() => void compare()}
    >
      {!alike && error === undefined && <LoadingRows rows={3} />}
      {error !== undefined && (
        <p className="quiet">The jobs of this name cannot be listed: {errorText(error).message}</p>
      )}
      {alike?.length === 0 && <p className="quiet">No other job has this name yet.</p>}
      {alike && alike.length > 0 && (
        <fieldset className="job-choices">
          <legend>Jobs of the same name, the newest first</legend>
          {alike.map((each) => (
            <label key={each.id} className="job-choice">
              <input
                type="radio"
                name="job"
                checked={typed.trim() === "" && chosenId === each.id}
                onChange={() => {
                  setChosen(each.id);
                  setTyped("");
                }}
              />
              <StateBadge state={each.state} />
              <RelativeTime at={each.createdAt} />
              <span className="number">
                <Duration from={each.startedAt} to={each.endedAt} />
              </span>
              <span className="mono quiet">{shortId(each.id)}</span>
            </label>
          ))}
        </fieldset>
      )}
      <TextField label="Or any job, by its id" value={typed} onChange={setTyped} placeholder="id of a job" />
    </Dialog>
  );
}

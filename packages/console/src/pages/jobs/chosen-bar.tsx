import { useState } from "react";
import { Link } from "wouter";
import { jobs } from "../../rpc/clients.ts";
import { randomKey } from "../../text/random-key.ts";
import { CancelDialog } from "../job/cancel-dialog.tsx";
import { countText, forEachJob, type ManyJobs, showTally } from "./many-jobs.ts";

interface ChosenBarProps {
  many: ManyJobs;
  onClear: () => void;
  onDone: () => void;
}

/** What can be done to the jobs that were chosen in the list. */
export function ChosenBar({ many: { all, running, failed }, onClear, onDone }: ChosenBarProps) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const retry = async () => {
    setBusy(true);
    const call = ({ id }: { id: string }) => jobs.retryJob({ jobId: id, idempotencyKey: randomKey() });
    showTally("Retried", await forEachJob(failed, call));
    setBusy(false);
    onDone();
  };
  return (
    <section className="chosen" aria-label="Chosen jobs">
      <strong>{countText(all.length)} chosen</strong>
      {running.length > 0 && (
        <button type="button" className="button button-small" onClick={() => setAsking(true)}>
          Cancel {running.length < all.length && running.length.toLocaleString()}
        </button>
      )}
      {failed.length > 0 && (
        <button type="button" className="button button-small" disabled={busy} onClick={() => void retry()}>
          Retry {failed.length < all.length && failed.length.toLocaleString()}
        </button>
      )}
      {all.length === 2 && (
        <Link className="button button-small" href={`/compare/${all[1]!.id}/${all[0]!.id}`}>
          Compare
        </Link>
      )}
      <button type="button" className="button button-small button-quiet" onClick={onClear}>
        Choose none
      </button>
      {asking && <CancelDialog jobs={running} onClose={() => setAsking(false)} onDone={onDone} />}
    </section>
  );
}

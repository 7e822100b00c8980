import type { Job } from "@spanloom/protocol";
import { jobs } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { payloadText } from "../../text/payload.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";

const AGAIN_MS = 30_000;

/** What a job's roots gave back. */
export function OutputView({ job }: { job: Job }) {
  const key = `output of ${job.id} ${job.state}`;
  const { data, error, refresh } = usePoll(key, AGAIN_MS, async (signal) => {
    const answer = await jobs.getJob({ jobId: job.id, includeOutputs: true }, { signal });
    return answer.job?.outputs ?? [];
  });
  if (!data) return error === undefined ? <LoadingRows rows={2} /> : <ErrorState error={error} onRetry={refresh} />;
  const texts = data.map(payloadText);
  if (texts.every((text) => text === "")) {
    return (
      <EmptyState title="No output">
        <p>It is here when the job's roots have ended and gave something back.</p>
      </EmptyState>
    );
  }
  return texts.map((text, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: roots stay in their places.
    <pre key={at} className="output">
      {text || "nothing"}
    </pre>
  ));
}

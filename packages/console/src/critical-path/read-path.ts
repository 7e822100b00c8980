import { type PathSegment, pathSegments, type QueryClient } from "@spanloom/query";
import { type RecordBatch, Table } from "apache-arrow";

/** What is asked of a job's critical path. */
export interface PathQuestion {
  jobId: string;
  /** Go on from attempts to the spans that their code made. */
  userSpans: boolean;
  signal?: AbortSignal;
}

/** A job's critical path, in order of time. Its batches stay as they came: what joins them compiles functions. */
export async function readPath(
  client: QueryClient,
  { jobId, userSpans, signal }: PathQuestion,
): Promise<readonly PathSegment[]> {
  const batches: RecordBatch[] = [];
  for await (const batch of client.criticalPath(jobId, { userSpans }).stream(signal ? { signal } : {}))
    batches.push(batch);
  return batches.length === 0 ? [] : pathSegments(new Table(batches));
}

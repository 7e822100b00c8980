/** The page of a job with a span selected. */
export function spanPath(jobId: string, spanId: string): string {
  return `/jobs/${encodeURIComponent(jobId)}/waterfall?span=${encodeURIComponent(spanId)}`;
}

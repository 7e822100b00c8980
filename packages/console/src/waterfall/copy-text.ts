/** Which span a text is about. */
export interface SpanPlace {
  /** URL of the server. */
  origin: string;
  jobId: string;
  traceId: string;
  spanId: string;
}

/** Word of a shell, quoted: nothing in it is read by the shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Asks for the span as the page did, by curl; the token is the shell's, not in the text. */
export function curlText({ origin, jobId, spanId }: SpanPlace): string {
  const body = JSON.stringify({ filter: { jobIds: [jobId], spanIds: [spanId] } });
  return [
    "curl --json",
    shellWord(body),
    '--header "authorization: Bearer $SPANLOOM_TOKEN"',
    shellWord(`${origin}/spanloom.v1.QueryService/QuerySpans`),
  ].join(" ");
}

/** Shows the spans of the job on the command line. */
export function cliText({ origin, jobId }: SpanPlace): string {
  return `spanloom spans ${shellWord(jobId)} --url ${shellWord(origin)}`;
}

/** The page with the span selected. */
export function linkText({ origin, jobId, spanId }: SpanPlace): string {
  return `${origin}/jobs/${encodeURIComponent(jobId)}/waterfall?span=${encodeURIComponent(spanId)}`;
}

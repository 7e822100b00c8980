import { spanPath } from "../text/span-path.ts";

/** Which span a text is about. */
export interface SpanPlace {
  /** URL of the server. */
  origin: string;
  jobId: string;
  spanId: string;
}

/** A word of a shell, quoted: nothing in it is read by the shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Asks for the span by curl. The call's answer is a stream, so that the request, too, is framed: a byte of flags and four
 * of length before the JSON. The token is the shell's, not in the text.
 */
export function curlText({ origin, jobId, spanId }: SpanPlace): string {
  const body = JSON.stringify({ filter: { jobIds: [jobId], spanIds: [spanId] } });
  const { length } = new TextEncoder().encode(body);
  const frame = [0, length >>> 24, length >>> 16, length >>> 8, length].map(
    (byte) => `\\${(byte & 255).toString(8).padStart(3, "0")}`,
  );
  const url = shellWord(`${origin}/spanloom.v1.QueryService/QuerySpans`);
  return [
    `printf '${frame.join("")}%s' ${shellWord(body)} |`,
    "curl --silent --data-binary @- --header 'content-type: application/connect+json'",
    `--header "authorization: Bearer $SPANLOOM_TOKEN" ${url}`,
  ].join(" ");
}

/** Shows the span on the command line, with all that is known of it. */
export function cliText({ origin, jobId, spanId }: SpanPlace): string {
  return `spanloom --url ${shellWord(origin)} spans ${shellWord(jobId)} --span ${shellWord(spanId)} --format jsonl`;
}

/** Runs a task again where its code is; which modules export that is for whoever pastes it to say. */
export function replayText({ origin, taskId }: { origin: string; taskId: string }): string {
  return `spanloom --url ${shellWord(origin)} task replay ${shellWord(taskId)} tasks.ts`;
}

/** The page with the span selected. */
export function linkText({ origin, jobId, spanId }: SpanPlace): string {
  return origin + spanPath(jobId, spanId);
}

import type { Schedule } from "@spanloom/protocol";
import { payloadText } from "../../text/payload.ts";
import { RelativeTime } from "../../widgets/time.tsx";

/** What a schedule and a trigger tell alike. */
type Told = Pick<Schedule, "paused" | "pauseReason" | "lastError" | "lastErrorAt" | "job">;

/** Why it is paused, and what went wrong last. */
export function DefinitionNotes({ of: { paused, pauseReason, lastError, lastErrorAt } }: { of: Told }) {
  return (
    <>
      {paused && (
        <p className="banner" role="status">
          Paused{pauseReason === "" ? ", and nobody said why." : `: ${pauseReason}`}
        </p>
      )}
      {lastError !== "" && (
        <section className="failure" aria-label="Last error">
          <p>
            <strong>The last firing failed</strong> <RelativeTime at={lastErrorAt} />
          </p>
          <p>{lastError}</p>
        </section>
      )}
    </>
  );
}

/** The tasks that it submits, with their inputs. */
export function SubmittedTasks({ of: { job } }: { of: Told }) {
  const { specs = [], groups = [] } = job?.tasks ?? {};
  const shown = groups
    .flatMap((group) =>
      group.inputs.map((input, at) => ({ name: nameOf(specs, group.specs, at), text: payloadText(input) })),
    )
    .slice(0, MOST_TASKS);
  const count = groups.reduce((sum, { inputs }) => sum + inputs.length, 0);
  return (
    <details className="submits">
      <summary>
        Submits {count.toLocaleString()} {count === 1 ? "task" : "tasks"}
      </summary>
      {shown.map(({ name, text }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they stay in their places.
        <div key={at}>
          <strong>{name}</strong>
          <pre className="output">{text || "no input"}</pre>
        </div>
      ))}
      {count > shown.length && <p className="quiet">and {(count - shown.length).toLocaleString()} more</p>}
    </details>
  );
}

const MOST_TASKS = 10;

/** A group has a spec for each task, or one for all. */
function nameOf(
  specs: readonly { identifier?: { name: string } | undefined }[],
  places: readonly number[],
  at: number,
): string {
  const place = places.length > 1 ? places[at] : (places[0] ?? 0);
  return specs[place ?? 0]?.identifier?.name ?? "task";
}

import type { TaskFailure } from "@spanloom/protocol";

/** Why something failed, in a line or two; the whole text and its stack open with it. */
export function Failure({ failure: { type, message, stack } }: { failure: TaskFailure }) {
  return (
    <details className="failure" aria-label="Failure">
      <summary>
        <strong>
          <bdi>{type || "failed"}</bdi>
        </strong>{" "}
        <bdi>{message}</bdi>
      </summary>
      <pre>{stack || message}</pre>
    </details>
  );
}

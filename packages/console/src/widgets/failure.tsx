import type { TaskFailure } from "@spanloom/protocol";

/** Why something failed; its stack is folded away. */
export function Failure({ failure: { type, message, stack } }: { failure: TaskFailure }) {
  return (
    <section className="failure" aria-label="Failure">
      <p>
        <strong>{type || "failed"}</strong> {message}
      </p>
      {stack !== "" && (
        <details>
          <summary>Stack</summary>
          <pre>{stack}</pre>
        </details>
      )}
    </section>
  );
}

import type { ReactNode } from "react";
import { errorText } from "../rpc/error-text.ts";

/** What a place shows that has nothing to show: why, and what to do. */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface ErrorStateProps {
  error: unknown;
  /** What to do about it. */
  hint?: string;
  onRetry?: () => void;
}

/** What a place shows that could not get what it shows. */
export function ErrorState({ error, ...rest }: ErrorStateProps) {
  return <FailureState title="This could not be loaded" {...errorText(error)} {...rest} />;
}

interface FailureStateProps {
  title: string;
  message: string;
  /** What the catalogue calls it, where it does. */
  reason: string | undefined;
  hint?: string;
  onRetry?: () => void;
}

/** What a place shows that failed, as far as it can be told in words. */
export function FailureState({ title, message, reason, hint, onRetry }: FailureStateProps) {
  return (
    <div className="notice notice-bad" role="alert">
      <h2>{title}</h2>
      <p className="notice-text">{message}</p>
      {reason && <code>{reason}</code>}
      {hint !== undefined && <p>{hint}</p>}
      {onRetry && (
        <p>
          <button type="button" className="button" onClick={onRetry}>
            Try again
          </button>
        </p>
      )}
    </div>
  );
}

/** Grey lines where rows will be. */
export function LoadingRows({ rows = 6 }: { rows?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are alike, and never move.
        <div key={at} className="loading-row" />
      ))}
    </div>
  );
}

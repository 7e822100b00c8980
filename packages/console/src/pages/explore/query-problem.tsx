import { errorText } from "../../rpc/error-text.ts";
import { queryHint } from "../../text/query-hint.ts";
import { ErrorState } from "../../widgets/notice.tsx";

/** Why a query was not answered, and what to do about it. */
export function QueryProblem({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const hint = queryHint(errorText(error).reason);
  return <ErrorState error={error} onRetry={onRetry} {...(hint !== undefined && { hint })} />;
}

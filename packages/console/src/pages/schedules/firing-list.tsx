import { useState } from "react";
import { triggers } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { firingOutcomes } from "../../text/firing-outcomes.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Pager, usePages } from "../../widgets/pager.tsx";
import { FiringTable } from "./firing-table.tsx";

const EVERY_MS = 3_000;
const PAGE_SIZE = 25;

/** Which definition's firings. */
export type FiredBy = { schedule: string } | { trigger: string };

/** What a schedule or trigger fired, newest first. */
export function FiringList({ of }: { of: FiredBy }) {
  const [only, setOnly] = useState("");
  const key = `firings ${JSON.stringify(of)} ${only}`;
  const pages = usePages(key);
  const outcomes = firingOutcomes.filter(({ name }) => name === only).map(({ outcome }) => outcome);
  const { data, error, refresh } = usePoll(`${key} ${pages.token}`, EVERY_MS, (signal) =>
    triggers.listFirings({ ...of, outcomes, pageSize: PAGE_SIZE, pageToken: pages.token }, { signal }),
  );
  return (
    <>
      <div className="section-head">
        <h2>Firings</h2>
        <select aria-label="Outcome" value={only} onChange={(event) => setOnly(event.target.value)}>
          <option value="">of any outcome</option>
          {firingOutcomes.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      {!data && (error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />)}
      {data?.firings.length === 0 && (
        <EmptyState title={only === "" ? "It has not fired" : `None was ${only}`}>
          <p>The last firings are kept, each with what became of it.</p>
        </EmptyState>
      )}
      {data && data.firings.length > 0 && <FiringTable firings={data.firings} ofEvents={"trigger" in of} />}
      {data && <Pager label="Pages of firings" pages={pages} next={data.nextPageToken} />}
    </>
  );
}

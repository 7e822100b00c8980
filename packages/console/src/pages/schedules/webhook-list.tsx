import { type Webhook, WebhookScheme } from "@spanloom/protocol";
import { Link } from "wouter";
import { events } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { CopyButton } from "../../widgets/copy-button.tsx";
import { type Column, DataTable } from "../../widgets/data-table.tsx";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Pager, usePages } from "../../widgets/pager.tsx";
import { RelativeTime } from "../../widgets/time.tsx";
import { DefinitionBadge } from "./definition-head.tsx";

const EVERY_MS = 10_000;
const PAGE_SIZE = 100;

/** The webhooks there are: where others deliver events. */
export function WebhookList() {
  const pages = usePages("webhooks");
  const { data, error, refresh } = usePoll(`webhooks ${pages.token}`, EVERY_MS, (signal) =>
    events.listWebhooks({ pageSize: PAGE_SIZE, pageToken: pages.token }, { signal }),
  );
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  if (data.webhooks.length === 0 && pages.isFirst) {
    return (
      <EmptyState title="No webhooks yet">
        <p>
          A webhook is where others deliver events by HTTP, signed by a secret. Make one with{" "}
          <code>spanloom webhook put github --scheme github --secret-env SPANLOOM_WEBHOOK_GITHUB</code>.
        </p>
      </EmptyState>
    );
  }
  return (
    <>
      <DataTable label="Webhooks" columns={columns} rows={data.webhooks} keyOf={({ id }) => id} />
      <Pager label="Pages of webhooks" pages={pages} next={data.nextPageToken} />
    </>
  );
}

const schemes: Readonly<Record<WebhookScheme, string>> = {
  [WebhookScheme.UNSPECIFIED]: "unknown",
  [WebhookScheme.NONE]: "not at all",
  [WebhookScheme.HMAC]: "HMAC",
  [WebhookScheme.GITHUB]: "GitHub",
  [WebhookScheme.STRIPE]: "Stripe",
};

const columns: readonly Column<Webhook>[] = [
  {
    name: "State",
    cell: ({ paused }) => <DefinitionBadge paused={paused} failing={false} />,
  },
  {
    name: "Webhook",
    className: "wide",
    title: ({ description }) => description,
    cell: ({ name }) => (
      <Link className="row-link" href={`/schedules/events?webhook=${encodeURIComponent(name)}`}>
        {name}
      </Link>
    ),
  },
  {
    name: "Delivers to",
    className: "mono",
    cell: ({ path }) => (
      <>
        {path} <CopyButton text={location.origin + path} label="address" />
      </>
    ),
  },
  {
    name: "Signed",
    cell: ({ scheme }) => (
      <span className={scheme === WebhookScheme.NONE ? "bad" : ""}>{schemes[scheme] ?? schemes[0]}</span>
    ),
  },
  { name: "Secrets", cell: (webhook) => secretsText(webhook) || <span className="quiet">none</span> },
  { name: "Key of its events", className: "mono", cell: ({ key }) => key },
  { name: "Changed", cell: ({ updatedAt }) => <RelativeTime at={updatedAt} /> },
];

function secretsText({ secretEnv, storedSecrets }: Webhook): string {
  return [...secretEnv, ...(storedSecrets > 0 ? [`${storedSecrets} stored`] : [])].join(", ");
}

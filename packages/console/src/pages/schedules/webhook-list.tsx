import { type Webhook, WebhookScheme } from "@spanloom/protocol";
import { Link } from "wouter";
import { events } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { CopyButton } from "../../widgets/copy-button.tsx";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Pager, usePages } from "../../widgets/pager.tsx";
import { RelativeTime } from "../../widgets/time.tsx";

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
      <WebhookTable list={data.webhooks} />
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

function WebhookTable({ list }: { list: readonly Webhook[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Webhooks" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Webhook</th>
            <th scope="col">Delivers to</th>
            <th scope="col">Signed</th>
            <th scope="col">Secrets</th>
            <th scope="col">Key of its events</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {list.map((webhook) => (
            <WebhookRow key={webhook.id} webhook={webhook} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function WebhookRow({ webhook }: { webhook: Webhook }) {
  const { name, path, paused, scheme, secretEnv, storedSecrets } = webhook;
  const url = location.origin + path;
  const secrets = [...secretEnv, ...(storedSecrets > 0 ? [`${storedSecrets} stored`] : [])].join(", ");
  return (
    <tr>
      <td>
        <span className={`badge state-${paused ? "blocked" : "succeeded"}`}>{paused ? "paused" : "active"}</span>
      </td>
      <td className="wide" title={webhook.description}>
        <Link className="row-link" href={`/schedules/events?webhook=${encodeURIComponent(name)}`}>
          {name}
        </Link>
      </td>
      <td className="mono">
        {path} <CopyButton text={url} label="address" />
      </td>
      <td className={scheme === WebhookScheme.NONE ? "bad" : ""}>{schemes[scheme] ?? schemes[0]}</td>
      <td>{secrets || <span className="quiet">none</span>}</td>
      <td className="mono">{webhook.key}</td>
      <td>
        <RelativeTime at={webhook.updatedAt} />
      </td>
    </tr>
  );
}

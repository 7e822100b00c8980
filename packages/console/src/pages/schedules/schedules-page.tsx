import type { ReactNode } from "react";
import { Link, useSearch } from "wouter";
import { EventDetail } from "./event-detail.tsx";
import { EventList } from "./event-list.tsx";
import { ScheduleDetail } from "./schedule-detail.tsx";
import { ScheduleList } from "./schedule-list.tsx";
import { TriggerDetail } from "./trigger-detail.tsx";
import { TriggerList } from "./trigger-list.tsx";
import { WebhookList } from "./webhook-list.tsx";

const tabs = [
  { path: "/schedules", tab: "", label: "Schedules" },
  { path: "/schedules/triggers", tab: "triggers", label: "Triggers" },
  { path: "/schedules/webhooks", tab: "webhooks", label: "Webhooks" },
  { path: "/schedules/events", tab: "events", label: "Events" },
] as const;

/** What submits jobs without a person: schedules, triggers, and the events that set these off. */
export function SchedulesPage({ tab }: { tab: string }) {
  const search = new URLSearchParams(useSearch());
  const [name, event] = [search.get("name") ?? "", search.get("event") ?? ""];
  if (tab === "" && name !== "") return <ScheduleDetail key={name} name={name} />;
  if (tab === "triggers" && name !== "") return <TriggerDetail key={name} name={name} />;
  if (tab === "events" && event !== "") return <EventDetail key={event} id={event} />;
  return (
    <>
      <header className="page-head">
        <h1>Schedules and triggers</h1>
      </header>
      <nav className="tabs" aria-label="What submits jobs">
        {tabs.map((each) => (
          <Link key={each.path} href={each.path} className="tab" aria-current={each.tab === tab ? "page" : undefined}>
            {each.label}
          </Link>
        ))}
      </nav>
      {listOf(tab, search)}
    </>
  );
}

function listOf(tab: string, search: URLSearchParams): ReactNode {
  if (tab === "triggers") return <TriggerList />;
  if (tab === "webhooks") return <WebhookList />;
  if (tab === "events") {
    const [key, webhook] = [search.get("key") ?? "", search.get("webhook") ?? ""];
    return <EventList key={`${key} ${webhook}`} pattern={key} webhook={webhook} />;
  }
  return <ScheduleList />;
}

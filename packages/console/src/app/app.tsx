import { type ReactNode, useCallback, useEffect, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { JobPage } from "../pages/job/job-page.tsx";
import { JobsPage } from "../pages/jobs/jobs-page.tsx";
import { QueuesPage } from "../pages/queues/queues-page.tsx";
import { SchedulesPage } from "../pages/schedules/schedules-page.tsx";
import { SettingsPage } from "../pages/settings/settings-page.tsx";
import { jobs } from "../rpc/clients.ts";
import { connection } from "../rpc/connection.ts";
import { usePoll } from "../rpc/use-poll.ts";
import { theme } from "../state/settings.ts";
import { useValue } from "../state/value-store.ts";
import { LazyView, lazyComponent } from "../widgets/lazy-view.tsx";
import { EmptyState } from "../widgets/notice.tsx";
import { ToastList } from "../widgets/toast-list.tsx";
import { ConnectionBanner } from "./connection-banner.tsx";
import { navigation } from "./navigation.ts";
import { ShortcutsDialog } from "./shortcuts-dialog.tsx";
import { type Shortcut, useShortcuts } from "./use-shortcuts.ts";

// What reads spans is loaded when it is looked at: the list of jobs need not wait for it.
const explorePage = lazyComponent(() => import("../pages/explore/explore-page.tsx").then((page) => page.ExplorePage));
const comparePage = lazyComponent(() => import("../pages/compare/compare-page.tsx").then((page) => page.ComparePage));

/** The console: navigation beside the page that the URL names. */
export function App() {
  const [, navigate] = useLocation();
  const [help, setHelp] = useState(false);
  const handle = useCallback(
    (shortcut: Shortcut) => {
      if (shortcut.kind === "go") navigate(shortcut.path);
      else if (shortcut.kind === "help") setHelp(true);
      else if (shortcut.kind === "search") document.getElementById("search")?.focus();
      else focusRow(shortcut.step);
    },
    [navigate],
  );
  useShortcuts(handle);
  useTheme();
  useHeartbeat();
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <SideBar onHelp={() => setHelp(true)} />
      <main id="main" tabIndex={-1}>
        <ConnectionBanner />
        <Pages />
      </main>
      <ToastList />
      {help && <ShortcutsDialog onClose={() => setHelp(false)} />}
    </div>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/">
        <Redirect to="/jobs" replace />
      </Route>
      <Route path="/jobs">{() => <Titled title="Jobs" page={<JobsPage />} />}</Route>
      <Route path="/jobs/:id/:view?">
        {({ id, view }) => <Titled title="Job" page={<JobPage key={id} jobId={id} view={view ?? ""} />} />}
      </Route>
      <Route path="/compare/:base/:other">
        {({ base, other }) => (
          <Titled title="Compare" page={<LazyView of={comparePage} props={{ baseId: base, otherId: other }} />} />
        )}
      </Route>
      <Route path="/explore">{() => <Titled title="Explore" page={<LazyView of={explorePage} props={{}} />} />}</Route>
      <Route path="/queues">{() => <Titled title="Queues" page={<QueuesPage />} />}</Route>
      <Route path="/schedules/:tab?">
        {({ tab }) => <Titled title="Schedules" page={<SchedulesPage tab={tab ?? ""} />} />}
      </Route>
      <Route path="/settings">{() => <Titled title="Settings" page={<SettingsPage />} />}</Route>
      <Route>
        <EmptyState title="There is no such page">
          <Link href="/jobs">See the jobs</Link>
        </EmptyState>
      </Route>
    </Switch>
  );
}

function Titled({ title, page }: { title: string; page: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Spanloom`;
  }, [title]);
  return page;
}

/** The icon of the page, drawn in. */
function BrandMark() {
  return (
    <svg viewBox="0 0 32 32" width={24} height={24} aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#3452c7" />
      <path d="M7 10h12M11 16h14M7 22h8" stroke="#fff" strokeWidth="3" strokeLinecap="round" fill="none" />
    </svg>
  );
}

const dots = {
  unknown: "connecting",
  online: "connected",
  offline: "disconnected",
  unauthorized: "no access",
} as const;

function SideBar({ onHelp }: { onHelp: () => void }) {
  const [location] = useLocation();
  const state = useValue(connection);
  return (
    <nav className="side" aria-label="Spanloom">
      <Link href="/jobs" className="brand">
        <BrandMark /> Spanloom
      </Link>
      {navigation.map(({ path, label }) => {
        const here = location === path || location.startsWith(`${path}/`);
        return (
          <Link key={path} href={path} className="side-link" aria-current={here ? "page" : undefined}>
            {label}
          </Link>
        );
      })}
      <div className="side-foot">
        <span className={`connection connection-${state}`}>{dots[state]}</span>
        <button type="button" className="icon-button" onClick={onHelp} aria-label="Keys" title="Keys (?)">
          ?
        </button>
      </div>
    </nav>
  );
}

const HEARTBEAT_MS = 5_000;

/** Keeps knowing whether the server answers, also on pages that ask it nothing. */
function useHeartbeat(): void {
  usePoll("heartbeat", HEARTBEAT_MS, (signal) => jobs.getQueueStats({ queues: ["default"] }, { signal }));
}

/** Follows the choice of light or dark; without one the system's holds. */
function useTheme(): void {
  const chosen = useValue(theme);
  useEffect(() => {
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
  }, [chosen]);
}

/** Moves the focus to the row after or before the one that has it. */
function focusRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>(".row-link")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}

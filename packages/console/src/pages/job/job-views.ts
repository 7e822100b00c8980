import type { Job } from "@spanloom/protocol";
import { type LazyComponent, lazyComponent } from "../../widgets/lazy-view.tsx";

/** A way to look into a job, with a tab and a path of its own. */
export interface JobView {
  /** Its part of the URL: `/jobs/<id>/<path>`. */
  path: string;
  label: string;
  component: LazyComponent<{ job: Job }>;
}

/**
 * The tabs of a job, the first one shown when the URL names none. Each is loaded when it is looked at, so that what one
 * needs to draw keeps none of the others waiting.
 */
export const jobViews: readonly JobView[] = [
  {
    path: "tasks",
    label: "Tasks",
    component: lazyComponent(() => import("./tasks-view.tsx").then(({ TasksView }) => TasksView)),
  },
  {
    path: "waterfall",
    label: "Waterfall",
    component: lazyComponent(() =>
      import("../../waterfall/waterfall-view.tsx").then(({ WaterfallView, startSpareWorker }) => {
        startSpareWorker();
        return WaterfallView;
      }),
    ),
  },
  {
    path: "graph",
    label: "Graph",
    component: lazyComponent(() => import("../../graph/graph-view.tsx").then(({ GraphView }) => GraphView)),
  },
  {
    path: "critical-path",
    label: "Critical path",
    component: lazyComponent(() =>
      import("../../critical-path/critical-path-view.tsx").then(({ CriticalPathView }) => CriticalPathView),
    ),
  },
  {
    path: "flame",
    label: "Flame chart",
    component: lazyComponent(() => import("../../flame/flame-view.tsx").then(({ FlameView }) => FlameView)),
  },
  {
    path: "logs",
    label: "Logs",
    component: lazyComponent(() => import("../../logs/logs-view.tsx").then(({ LogsView }) => LogsView)),
  },
  {
    path: "output",
    label: "Output",
    component: lazyComponent(() => import("./output-view.tsx").then(({ OutputView }) => OutputView)),
  },
];

/** The tab of a path; the first one when there is none of it. */
export function viewOf(path: string): JobView {
  return jobViews.find((view) => view.path === path) ?? jobViews[0]!;
}

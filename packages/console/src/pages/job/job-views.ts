import type { Job } from "@spanloom/protocol";
import { type ComponentType, lazy } from "react";

/** A way to look into a job, with a tab and a path of its own. */
export interface JobView {
  /** Its part of the URL: `/jobs/<id>/<path>`. */
  path: string;
  label: string;
  Component: ComponentType<{ job: Job }>;
}

/**
 * The tabs of a job, the first one shown when the URL names none. Each is loaded when it is looked at, so that what one
 * needs to draw keeps none of the others waiting.
 */
export const jobViews: readonly JobView[] = [
  {
    path: "tasks",
    label: "Tasks",
    Component: lazy(() => import("./tasks-view.tsx").then(({ TasksView }) => ({ default: TasksView }))),
  },
  {
    path: "waterfall",
    label: "Waterfall",
    Component: lazy(() =>
      import("../../waterfall/waterfall-view.tsx").then(({ WaterfallView }) => ({ default: WaterfallView })),
    ),
  },
  {
    path: "critical-path",
    label: "Critical path",
    Component: lazy(() =>
      import("../../critical-path/critical-path-view.tsx").then(({ CriticalPathView }) => ({
        default: CriticalPathView,
      })),
    ),
  },
  {
    path: "flame",
    label: "Flame chart",
    Component: lazy(() => import("../../flame/flame-view.tsx").then(({ FlameView }) => ({ default: FlameView }))),
  },
  {
    path: "logs",
    label: "Logs",
    Component: lazy(() => import("../../logs/logs-view.tsx").then(({ LogsView }) => ({ default: LogsView }))),
  },
  {
    path: "output",
    label: "Output",
    Component: lazy(() => import("./output-view.tsx").then(({ OutputView }) => ({ default: OutputView }))),
  },
];

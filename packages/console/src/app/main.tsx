import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { viewOf } from "../pages/job/job-views.ts";
import { preload } from "../widgets/lazy-view.tsx";
import { App } from "./app.tsx";

// The code of the tab that the URL names comes while the page is drawn for the first time.
const [, tab] = /^\/jobs\/[^/]+\/([^/]+)$/.exec(location.pathname) ?? [];
if (tab !== undefined) preload(viewOf(tab).component);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

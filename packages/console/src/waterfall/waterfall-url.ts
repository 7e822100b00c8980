/** What of the waterfall stands in the URL. */
export interface WaterfallUrl {
  /** Id of the span that is selected. */
  span: string;
  /** What is looked for. */
  find: string;
  failed: boolean;
  /** Whether the critical path is marked. */
  path: boolean;
}

/** Reads it from the parameters of the URL; what makes no sense there is left out. */
export function parseWaterfallUrl(params: URLSearchParams): WaterfallUrl {
  const span = (params.get("span") ?? "").toLowerCase();
  return {
    span: /^[0-9a-f]{16}$/.test(span) ? span : "",
    find: params.get("find") ?? "",
    failed: params.get("failed") === "1",
    path: params.get("path") === "1",
  };
}

/** The parameters with some of it changed; those of others stay. */
export function withWaterfallUrl(params: URLSearchParams, changes: Partial<WaterfallUrl>): URLSearchParams {
  const changed = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "" || value === false) changed.delete(name);
    else changed.set(name, value === true ? "1" : String(value));
  }
  return changed;
}

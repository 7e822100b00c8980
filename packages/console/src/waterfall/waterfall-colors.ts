/** Colours of the waterfall, which the page's style sheet decides. */
export interface WaterfallColors {
  ground: string;
  line: string;
  ink: string;
  quiet: string;
  accent: string;
  selected: string;
  hovered: string;
  queued: string;
  blocked: string;
  backoff: string;
  running: string;
  failed: string;
  cancelled: string;
  user: string;
  container: string;
  /** Of what is marked, as the critical path. */
  marked: string;
  /** Behind names that were looked for. */
  found: string;
  font: string;
}

const properties: Readonly<Record<keyof WaterfallColors, string>> = {
  ground: "--surface",
  line: "--line",
  ink: "--ink",
  quiet: "--ink-quiet",
  accent: "--accent",
  selected: "--accent-soft",
  hovered: "--sunken",
  queued: "--queued",
  blocked: "--blocked",
  backoff: "--cancelling",
  running: "--running",
  failed: "--failed",
  cancelled: "--cancelled",
  user: "--span-code",
  container: "--line-strong",
  marked: "--ink",
  found: "--cancelling-soft",
  font: "--font",
};

/** The colours that hold at an element. A canvas knows no variables, nor light-dark: the browser resolves them first. */
export function colorsAt(element: HTMLElement): WaterfallColors {
  const probe = document.createElement("span");
  element.append(probe);
  const resolved = Object.entries(properties).map(([name, property]) => {
    if (name === "font") return [name, getComputedStyle(probe).fontFamily];
    probe.style.color = `var(${property})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(resolved) as WaterfallColors;
}

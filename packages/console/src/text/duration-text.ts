const units = [
  { ms: 86_400_000, name: "d" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "m" },
  { ms: 1_000, name: "s" },
] as const;

/** A length of time in at most two units, such as `3m 12s`, `4.2s` or `850ms`. */
export function durationText(ms: number): string {
  if (ms < 1) return ms <= 0 ? "0ms" : `${Math.max(1, Math.round(ms * 1_000))}µs`;
  if (ms < 999.5) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)}ms`;
  if (ms < 9_950) return `${(Math.round(ms / 100) / 10).toFixed(1)}s`;
  const whole = Math.round(ms / 1_000) * 1_000;
  const at = units.findIndex((unit) => whole >= unit.ms);
  const [large, small] = [units[at], units[at + 1]];
  if (!large) return "0ms";
  const rest = small ? Math.floor((whole % large.ms) / small.ms) : 0;
  return `${Math.floor(whole / large.ms)}${large.name}${small && rest > 0 ? ` ${rest}${small.name}` : ""}`;
}

/** How long something takes that goes on, in whole seconds, so that the figure changes no more often than it is looked at. */
export function secondsText(ms: number): string {
  return durationText(Math.max(0, Math.floor(ms / 1_000)) * 1_000)
    .replace(/^(\d)\.0s$/, "$1s")
    .replace(/^0ms$/, "0s");
}

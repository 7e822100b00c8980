/**
 * A duration for people: three significant digits and the unit that suits it, "0.35 ms", "12.4 s", "2 m 03 s".
 *
 * Units: `ns` nanoseconds.
 */
export function formatDuration(ns: number): string {
  if (!Number.isFinite(ns)) return "–";
  const sign = ns < 0 ? "-" : "";
  const size = Math.abs(ns);
  if (size === 0) return "0 s";
  if (size < 999.5) return `${sign}${Math.round(size)} ns`;
  if (size < 999_500) return `${sign}${significant(size / 1e3)} µs`;
  if (size < 999_500_000) return `${sign}${significant(size / 1e6)} ms`;
  if (size < 59.95e9) return `${sign}${significant(size / 1e9)} s`;
  return sign + formatLong(Math.round(size / 1e9));
}

function significant(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function formatLong(seconds: number): string {
  const pad = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${pad(minutes % 60)} m`;
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`;
}

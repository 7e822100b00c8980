/** Periods up to now that lists and charts can be narrowed to, by name. */
export const periods = [
  { name: "5m", ms: 300_000, text: "5 minutes" },
  { name: "15m", ms: 900_000, text: "15 minutes" },
  { name: "1h", ms: 3_600_000, text: "hour" },
  { name: "6h", ms: 21_600_000, text: "6 hours" },
  { name: "24h", ms: 86_400_000, text: "24 hours" },
  { name: "7d", ms: 604_800_000, text: "7 days" },
  { name: "30d", ms: 2_592_000_000, text: "30 days" },
] as const;

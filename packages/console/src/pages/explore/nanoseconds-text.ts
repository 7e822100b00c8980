const units = [
  { ns: 3_600_000_000_000, name: "h" },
  { ns: 60_000_000_000, name: "m" },
  { ns: 1_000_000_000, name: "s" },
  { ns: 1_000_000, name: "ms" },
  { ns: 1_000, name: "us" },
] as const;

/** A length of time as a condition, exact to the nanosecond: in the largest unit that needs three digits at most. */
export function nanosecondsText(ns: number): string {
  const whole = Math.max(0, Math.round(ns));
  const unit = units.find((each) => whole >= each.ns && (whole * 1_000) % each.ns === 0);
  return unit ? `${whole / unit.ns}${unit.name}` : `${whole}ns`;
}

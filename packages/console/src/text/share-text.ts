/** A part of a whole in percent, such as `12%`; what is there but small is never told as nothing. */
export function shareText(part: number, whole: number): string {
  if (!(part > 0 && whole > 0)) return "0%";
  const percent = (part / whole) * 100;
  return percent < 1 ? "<1%" : `${Math.round(percent)}%`;
}

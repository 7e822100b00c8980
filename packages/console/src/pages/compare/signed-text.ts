/** A difference with its sign, such as `+3s`; `size` is its text without one. What is no difference reads `±0`. */
export function signedText(difference: number, size: string): string {
  if (difference === 0) return "±0";
  return `${difference > 0 ? "+" : "−"}${size}`;
}

/** How much more or less in percent, such as `+12%`; many times as much is told as a factor, such as `×31`. */
export function ratioText(ratio: number | undefined): string {
  if (ratio === undefined) return "";
  if (ratio >= 9) return `×${Math.round(ratio + 1).toLocaleString()}`;
  const percent = Math.round(ratio * 100);
  return percent === 0 ? "±0%" : signedText(percent, `${Math.abs(percent)}%`);
}

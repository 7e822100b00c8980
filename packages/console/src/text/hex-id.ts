/** A span's id of its two halves, as 16 hex digits. */
export function hexId(high: number, low: number): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

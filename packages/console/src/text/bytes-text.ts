const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** A size, such as `1.2 MB`. */
export function bytesText(bytes: number): string {
  let size = bytes;
  let at = 0;
  while (size >= 999.5 && at < units.length - 1) {
    size /= 1_000;
    at += 1;
  }
  return `${at > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[at]}`;
}

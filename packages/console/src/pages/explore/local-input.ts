/** Epoch milliseconds, as text, in the form of a field for a local time; empty stays empty. */
export function localInput(ms: string): string {
  const time = new Date(Number(ms));
  if (ms === "" || Number.isNaN(time.getTime())) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${day}T${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** Epoch milliseconds of such a field; undefined while it is not whole. */
export function parseLocalInput(text: string): number | undefined {
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

import { readdirSync, readFileSync } from "node:fs";

const TASKS = "/proc/self/task";

/** Nice values of this process's threads that have a name now, on Linux. */
export function threadNices(name: string): number[] {
  return readdirSync(TASKS).flatMap((id) => {
    const stat = statOf(id);
    const end = stat.lastIndexOf(")");
    // The 19th value of all, of which two come before the name's end.
    return stat.slice(stat.indexOf("(") + 1, end) === name ? [Number(stat.slice(end + 2).split(" ")[16])] : [];
  });
}

function statOf(id: string): string {
  try {
    return readFileSync(`${TASKS}/${id}/stat`, "latin1");
  } catch {
    return ""; // it ended meanwhile
  }
}

const CAP_SYS_NICE = 23n;

/** Whether this process may raise a thread's priority again. */
export function maySetNice(): boolean {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_SYS_NICE) & 1n) === 1n;
}

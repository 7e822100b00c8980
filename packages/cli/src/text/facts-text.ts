import { oneLine } from "./text-table.ts";

/** Facts of one thing, a line each; those without a value are left out. */
export function factsText(facts: readonly (readonly [name: string, value: string])[]): string {
  return facts
    .filter(([, value]) => value.trim() !== "")
    .map(([name, value]) => `${name.padEnd(9)} ${oneLine(value).trim()}\n`)
    .join("");
}

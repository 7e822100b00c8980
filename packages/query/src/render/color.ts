/** What a piece of text is, so that a terminal can colour it. */
export type Tone = "error" | "open" | "job" | "task" | "attempt" | "user" | "dim" | "strong";

/** Colours a piece of text; one line of output is made of such pieces. */
export type Paint = (tone: Tone, text: string) => string;

const codes: Readonly<Record<Tone, readonly [on: string, off: string]>> = {
  error: ["31", "39"],
  open: ["33", "39"],
  job: ["1;36", "22;39"],
  task: ["36", "39"],
  attempt: ["32", "39"],
  user: ["34", "39"],
  dim: ["2", "22"],
  strong: ["1", "22"],
};

/** A paint that writes ANSI sequences, or with `color` false one that changes nothing. */
export function paintFor(color: boolean): Paint {
  if (!color) return (_, text) => text;
  return (tone, text) => (text === "" ? "" : `\u001b[${codes[tone][0]}m${text}\u001b[${codes[tone][1]}m`);
}

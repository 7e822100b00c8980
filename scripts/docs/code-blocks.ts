/** A fenced block of a Markdown page. */
export interface CodeBlock {
  /** The page. */
  page: string;
  /** Line of the opening fence, from 1. */
  line: number;
  language: string;
  /** Words after the language: `run`, `ignore`, `file=tasks.ts`. */
  flags: string[];
  code: string;
}

/**
 * The fenced blocks of a page, in order.
 *
 * A fence may be indented, as in a list, and may be longer than three ticks; it ends at one as long as it began.
 */
export function codeBlocks(page: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const open = /^(\s*)(`{3,})([\w-]*)[ \t]*(.*)$/.exec(lines[at]!);
    if (!open) continue;
    const [, indent = "", fence = "", language = "", rest = ""] = open;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end === -1) throw new Error(`cannot read ${page}: the block that opens in line ${at + 1} never ends`);
    const body = lines.slice(at + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const flags = rest.split(/\s+/).filter((flag) => flag !== "");
    blocks.push({ page, line: at + 1, language, flags, code: `${body.join("\n")}\n` });
    at = end;
  }
  return blocks;
}

/** Value of a flag `name=value`. */
export function flagValue(block: CodeBlock, name: string): string | undefined {
  return block.flags.find((flag) => flag.startsWith(`${name}=`))?.slice(name.length + 1);
}

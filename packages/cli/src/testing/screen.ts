import { cellWidth } from "@spanloom/query";

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

const ESC = "\u001b";
const unfinished = new RegExp(`${ESC}(?:\\[[\\d;?]*)?$`);
const pieces = new RegExp(`${ESC}(\\[[\\d;?]*[A-Za-z])|[^${ESC}]+`, "g");

/** What a terminal shows of what was written to it: as much of one as the command line makes use of. */
export class Screen {
  /** Lines from the first that was ever written; a terminal shows the last of them. */
  readonly lines: string[] = [""];
  /** Cells of a line. */
  columns: number;
  /** Where the cursor is. */
  row = 0;
  column = 0;
  isCursorHidden = false;
  /** The longest line that was ever shown, in cells. */
  widest = 0;
  #rest = "";

  constructor(columns: number) {
    this.columns = columns;
  }

  /** Takes what a program wrote. Errors: for a sequence that the command line has no use for. */
  write(text: string): void {
    const all = this.#rest + text;
    // A sequence may come in two pieces.
    const cut = unfinished.exec(all)?.index ?? all.length;
    this.#rest = all.slice(cut);
    for (const [piece, sequence] of all.slice(0, cut).matchAll(pieces)) {
      if (sequence) this.#obey(sequence);
      else for (const { segment } of graphemes.segment(piece)) this.#put(segment);
    }
  }

  #obey(sequence: string): void {
    if (sequence.endsWith("m")) return;
    if (sequence === "[H") [this.row, this.column] = [0, 0];
    else if (sequence === "[K") this.#clearLine();
    else if (sequence === "[J") {
      this.#clearLine();
      this.lines.length = this.row + 1;
    } else if (sequence === "[?25l") this.isCursorHidden = true;
    else if (sequence === "[?25h") this.isCursorHidden = false;
    else throw new Error(`cannot show ESC ${sequence}: the command line does not write that`);
  }

  #clearLine(): void {
    this.lines[this.row] = take(this.lines[this.row] ?? "", this.column);
  }

  #put(segment: string): void {
    if (segment.includes("\n")) {
      this.row++;
      this.column = 0;
      this.lines[this.row] ??= "";
    } else if (segment === "\r") this.column = 0;
    else {
      const line = this.lines[this.row] ?? "";
      const width = cellWidth(segment);
      this.lines[this.row] = take(line, this.column) + segment + drop(line, this.column + width);
      this.column += width;
      this.widest = Math.max(this.widest, this.column);
    }
  }
}

/** The part of a line before a cell, with blanks where there is none. */
function take(line: string, cells: number): string {
  const taken = prefix(line, cells);
  return taken + " ".repeat(cells - cellWidth(taken));
}

function prefix(line: string, cells: number): string {
  let [taken, width] = ["", 0];
  for (const { segment } of graphemes.segment(line)) {
    width += cellWidth(segment);
    if (width > cells) break;
    taken += segment;
  }
  return taken;
}

/** The part of a line from a cell on. */
function drop(line: string, cells: number): string {
  return line.slice(prefix(line, cells).length);
}

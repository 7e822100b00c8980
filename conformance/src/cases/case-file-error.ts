/** A case file that cannot be used, with the place that is to blame. */
export class CaseFileError extends Error {
  override readonly name = "CaseFileError";
  /** Path of the file, as it was given. */
  readonly file: string;
  /** Line within it, from 1. */
  readonly line: number;
  /** Path of the field, e.g. `cases[2].steps[0].call`; empty for the file itself. */
  readonly field: string;

  constructor(place: { file: string; line: number; field: string }, problem: string) {
    super(`cannot read ${place.file}:${place.line}: ${place.field === "" ? "" : `${place.field}: `}${problem}`);
    this.file = place.file;
    this.line = place.line;
    this.field = place.field;
  }
}

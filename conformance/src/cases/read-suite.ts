import type { Cursor } from "./cursor.ts";
import type { Case, Suite } from "./suite.ts";

/** Reads the steps of a case. */
export type ReadSteps<Step> = (cursor: Cursor) => readonly Step[];

const sectionPattern = /^\d+(\.\d+)*$/;

/**
 * Reads a suite: `about`, and `cases`, each with `name`, `proves`, `steps`, and `variants` where it does not run in all,
 * `needs` where not every subject can be asked, `slow` where it waits for long.
 *
 * Errors: CaseFileError with file, line and field, also where two cases have one name.
 */
export function readSuite<Step>(root: Cursor, name: string, readSteps: ReadSteps<Step>): Suite<Step> {
  const fields = root.fields(["about", "cases"]);
  const about = root.required(fields, "about").text();
  const seen = new Set<string>();
  const cases = root
    .required(fields, "cases")
    .items()
    .map((cursor) => {
      const read = readCase(cursor, name, readSteps);
      if (seen.has(read.name)) throw cursor.problem(`another case is called "${read.name}"`);
      seen.add(read.name);
      return read;
    });
  return { name, about, cases };
}

function readCase<Step>(cursor: Cursor, suite: string, readSteps: ReadSteps<Step>): Case<Step> {
  const fields = cursor.fields(["name", "proves", "variants", "needs", "slow", "steps"]);
  const proves = cursor
    .required(fields, "proves")
    .items()
    .map((item) => {
      const section = item.word();
      if (!sectionPattern.test(section)) throw item.problem(`"${section}" is no section such as 4.3`);
      return section;
    });
  return {
    suite,
    name: cursor.required(fields, "name").text(),
    proves,
    variants: fields.variants?.items().map((item) => item.text()) ?? [],
    needs: fields.needs?.items().map((item) => item.text()) ?? [],
    slow: fields.slow?.flag() ?? false,
    steps: readSteps(cursor.required(fields, "steps")),
    file: cursor.file,
    line: cursor.line,
  };
}

import type { ReactNode } from "react";

/** The head of a column; a text alone is one that reads from the left. */
export interface ColumnHead {
  text: string;
  /** It holds numbers. */
  number?: boolean;
  /** How many columns it is over. */
  span?: number;
}

/** A table that scrolls sideways within its frame where it has no room. */
export function TableFrame(props: { label: string; heads: readonly ColumnHead[]; children: ReactNode }) {
  const { label, heads, children } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label={label} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {heads.map(({ text, number = false, span }) => (
              <th key={text} scope="col" className={number ? "number" : undefined} colSpan={span}>
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

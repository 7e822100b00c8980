interface SortHeadProps {
  column: string;
  label: string;
  /** The column that rows are sorted by, `-` before it when the largest is first. */
  order: string;
  onOrder: (order: string) => void;
  /** Whether the first press puts the largest first. */
  largestFirst?: boolean;
  number?: boolean;
}

/** The head of a column that rows can be sorted by; a second press turns them round. */
export function SortHead({ column, label, order, onOrder, largestFirst = false, number = false }: SortHeadProps) {
  const sorted = order.replace(/^-/, "") === column;
  const falling = order.startsWith("-");
  const next = sorted ? (falling ? column : `-${column}`) : `${largestFirst ? "-" : ""}${column}`;
  return (
    <th
      scope="col"
      className={number ? "number" : ""}
      aria-sort={sorted ? (falling ? "descending" : "ascending") : undefined}
    >
      <button type="button" className="sort" onClick={() => onOrder(next)}>
        {label}
        <span aria-hidden="true">{sorted ? (falling ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

import type { ReactNode } from "react";

/** A figure that matters, with what it is of. */
export interface Figure {
  name: string;
  value: ReactNode;
  /** What explains it, in fewer words than a sentence. */
  note?: string | undefined;
  tone?: "good" | "bad" | undefined;
}

/** The figures of a page, above what they sum up. */
export function Figures({ label, figures }: { label: string; figures: readonly Figure[] }) {
  return (
    <dl className="figures" aria-label={label}>
      {figures.map(({ name, value, note, tone }) => (
        <div key={name} className={`figure ${tone ? `figure-${tone}` : ""}`}>
          <dt>{name}</dt>
          <dd>
            {value} {note !== undefined && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

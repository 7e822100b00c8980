import { serverNowMs } from "../rpc/server-clock.ts";
import { lineText } from "./line-text.ts";
import { COLLAPSED, PARENT } from "./span-facts.ts";
import type { WaterfallDrawing } from "./waterfall-messages.ts";

/** How many lines above and below the selected one a screen reader finds. */
const AROUND = 12;

/** The id of the element that stands for a row. */
export function lineId(row: number): string {
  return `waterfall-line-${row}`;
}

/** The lines around one as items of a tree: what the canvas shows, for who cannot see it. */
export function LineTree({ drawing, line }: { drawing: WaterfallDrawing; line: number }) {
  const { lines, names } = drawing;
  const now = (serverNowMs() - drawing.baseMs) * 1e6;
  const first = Math.max(0, Math.max(0, line) - AROUND);
  const count = Math.min(lines.count, Math.max(0, line) + AROUND + 1) - first;
  return (
    <div className="hidden">
      {Array.from({ length: count }, (_, at) => {
        const each = first + at;
        const facts = lines.facts[each]!;
        return (
          <div
            key={lines.row[each]}
            id={lineId(lines.row[each]!)}
            role="treeitem"
            tabIndex={-1}
            aria-level={lines.depth[each]! + 1}
            aria-selected={each === line}
            {...((facts & PARENT) !== 0 && { "aria-expanded": (facts & COLLAPSED) === 0 })}
          >
            {lineText(lines, each, { name: names[lines.name[each]!] ?? "", now })}
          </div>
        );
      })}
    </div>
  );
}

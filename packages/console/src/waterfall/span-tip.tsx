import { serverNowMs } from "../rpc/server-clock.ts";
import { useValue, type ValueStore } from "../state/value-store.ts";
import { durationText } from "../text/duration-text.ts";
import { waitTexts } from "./line-text.ts";
import { OPEN } from "./span-facts.ts";
import type { WaterfallDrawing } from "./waterfall-messages.ts";

/** What the pointer is over, `width` wide. Units: pixels of the canvas. */
export type Hovered = { line: number; x: number; y: number; width: number } | undefined;

/** Room that a tip needs on the right of the pointer; where there is less, it is on the left. */
const TIP_PX = 260;

/** When the span below the pointer was, and what it waited for. */
export function SpanTip({ hovered, drawing }: { hovered: ValueStore<Hovered>; drawing: WaterfallDrawing }) {
  const at = useValue(hovered);
  if (!at || at.line >= drawing.lines.count) return null;
  const { lines, names, whole, baseMs } = drawing;
  const start = lines.start[at.line]!;
  const open = (lines.facts[at.line]! & OPEN) !== 0;
  const end = Number.isNaN(lines.end[at.line]!) ? (serverNowMs() - baseMs) * 1e6 : lines.end[at.line]!;
  const left = at.x + TIP_PX > at.width ? { right: at.width - at.x + 12 } : { left: at.x + 14 };
  const name = names[lines.name[at.line]!] ?? "";
  return (
    <div className="span-tip" style={{ top: at.y + 18, ...left }} aria-hidden="true">
      <strong>{name.length > 120 ? `${name.slice(0, 120)}…` : name}</strong>
      <span>
        {durationText((end - start) / 1e6)}
        {open && " so far"}, from +{durationText((start - whole.from) / 1e6)}
      </span>
      {waitTexts(lines, at.line).map((text) => (
        <span key={text}>{text}</span>
      ))}
    </div>
  );
}

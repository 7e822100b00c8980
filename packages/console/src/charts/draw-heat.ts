import { type ChartArea, type ShownTime, xOfTime } from "./chart-area.ts";
import type { HeatRows } from "./heat-grid.ts";

interface HeatDrawing {
  rows: HeatRows;
  area: ChartArea;
  starts: readonly number[];
  time: ShownTime;
}

/** Faintest and strongest colour of a cell that has spans. */
const FAINTEST = 0.14;

/** Draws the cells of a heat map. Counts differ by powers of ten, so colours follow their logarithm. */
export function drawHeat(canvas: HTMLCanvasElement, { rows, area, starts, time }: HeatDrawing): void {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const [plain, failed] = [style.color, style.caretColor];
  const rowHeight = area.height / rows.rows;
  const most = Math.log1p(rows.most);
  for (let column = 0; column < rows.columns; column++) {
    const left = Math.max(area.left, xOfTime(area, time, starts[column] ?? time.toMs));
    const right = Math.min(area.left + area.width, xOfTime(area, time, starts[column + 1] ?? time.toMs));
    if (right <= left) continue;
    for (let row = 0; row < rows.rows; row++) {
      const cell = row * rows.columns + column;
      const count = rows.counts[cell]!;
      if (count === 0) continue;
      const top = area.top + area.height - (row + 1) * rowHeight;
      context.globalAlpha = FAINTEST + (1 - FAINTEST) * (Math.log1p(count) / most);
      context.fillStyle = rows.errors[cell]! * 2 > count ? failed : plain;
      context.fillRect(left, top, right - left - gap(right - left), rowHeight - gap(rowHeight));
      // Where some failed among others a mark at the cell's side says so.
      if (rows.errors[cell]! > 0 && rows.errors[cell]! * 2 <= count) {
        context.globalAlpha = 1;
        context.fillStyle = failed;
        context.fillRect(left, top, Math.max(1.5, (right - left) / 5), rowHeight - gap(rowHeight));
      }
    }
  }
}

const gap = (size: number): number => (size > 4 ? 0.5 : 0);

/** How spans are drawn. */
export interface RenderOptions {
  /** Width in terminal cells. Default 100; at least 40. */
  readonly width?: number;
  /** Use ANSI colours. Default false: the caller knows its terminal, NO_COLOR and FORCE_COLOR. */
  readonly color?: boolean;
  /** Most spans drawn; the rest are counted in a last line. Default: all. */
  readonly maxRows?: number;
  /** Draw only the subtree below this span id, 16 hex digits. */
  readonly root?: string;
  /** Where bars of open spans end. Default: the latest time in the table. */
  readonly now?: Date;
}

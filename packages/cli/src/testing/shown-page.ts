import { runCli } from "../run-cli.ts";
import { capturedContext } from "./captured-context.ts";
import { holdHarmless } from "./hold-harmless.ts";

const views = [
  { view: "80 columns", isTTY: true, columns: 80, env: { NO_COLOR: "1" } },
  { view: "200 columns", isTTY: true, columns: 200, env: { NO_COLOR: "1" } },
  { view: "40 columns", isTTY: true, columns: 40, env: { NO_COLOR: "1" } },
  { view: "80 columns in colour", isTTY: true, columns: 80, env: {} },
  { view: "no terminal", isTTY: false, columns: 100, env: {} },
];

/** Escape sequences as text that can be read and compared. */
const visible = (text: string) => text.replaceAll("\u001b", "␛").replaceAll("\r", "␍");

/** All that command lines print, on terminals of several widths and elsewhere; what looks the same is there once. */
export async function shownPage(commandLines: readonly string[][], url: string): Promise<string> {
  let page = "";
  let before = "";
  for (const { view, ...terminal } of views) {
    let shown = "";
    for (const args of commandLines) {
      const context = capturedContext({ ...terminal, env: { ...terminal.env, SPANLOOM_URL: url } });
      const exitCode = await runCli(args, context);
      holdHarmless(context.out(), terminal.isTTY);
      holdHarmless(context.err(), terminal.isTTY);
      const err = context.err() === "" ? "" : `--- on the standard error\n${visible(context.err())}\n`;
      shown += `$ spanloom ${args.join(" ")}\n${visible(context.out())}${err}[${exitCode}]\n\n`;
    }
    // What looks the same is written once.
    page += shown === before ? `=== ${view}: as above\n\n` : `=== ${view}\n${shown}`;
    before = shown;
  }
  return page;
}

import { task } from "@spanloom/sdk";
import { Runner } from "../runner.ts";

/** A runner whose tasks keep its event loop busy. Arguments: URL of the server, `blockedMaxMs`. */
const [url = "", blockedMaxMs = ""] = process.argv.slice(2);

function spin(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

const block = task({
  name: "block",
  run: (ms: number, { attempt }) => {
    if (attempt === 1) spin(ms);
    return attempt;
  },
});

const runner = new Runner({
  url,
  tasks: [block],
  blockedMaxMs: Number(blockedMaxMs),
  log: (line) => console.error(line),
});
// First: once it says that it is ready it may be told to stop.
process.once("SIGTERM", () => void runner.stop());
await runner.start();

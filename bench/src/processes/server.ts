import { type RunningServer, startServer } from "@spanloom/server";
import { statementsRun } from "../measure/statement-count.ts";
import { LogTap } from "./memory-sample.ts";
import { serveParent } from "./parent-link.ts";

let server: RunningServer | undefined;
const tap = new LogTap();

serveParent(
  {
    /** Starts a server with its defaults on a free port; answers its URL. */
    async start({ dataDir }: { dataDir: string }) {
      server = await startServer({ dataDir, port: 0, log: tap.log });
      return server.url;
    },
    /** SQLite statements since the first time this was called. */
    statements: () => statementsRun(),
    memory: (how: { collect: boolean }) => tap.sample(how),
  },
  async () => server?.stop(),
);

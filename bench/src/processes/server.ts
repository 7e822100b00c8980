import { type RunningServer, startServer } from "@spanloom/server";
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
    memory: (how: { collect: boolean }) => tap.sample(how),
  },
  async () => server?.stop(),
);

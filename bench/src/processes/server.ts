import { type RunningServer, startServer } from "@spanloom/server";
import { serveParent } from "./parent-link.ts";

let server: RunningServer | undefined;

serveParent(
  {
    /** Starts a server with its defaults on a free port; answers its URL. */
    async start({ dataDir }: { dataDir: string }) {
      server = await startServer({ dataDir, port: 0 });
      return server.url;
    },
  },
  async () => server?.stop(),
);

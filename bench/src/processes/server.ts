import { type RunningServer, startServer } from "@spanloom/server";
import { statementsRun } from "../measure/statement-count.ts";
import { GatedExporter } from "../spans/gated-exporter.ts";
import { LogTap } from "./memory-sample.ts";
import { serveParent } from "./parent-link.ts";

let server: RunningServer | undefined;
let exporter: GatedExporter | undefined;
const tap = new LogTap();

serveParent(
  {
    /** Starts a server with its defaults on a free port, and an exporter when it is told where to; answers its URL. */
    async start({ dataDir, exportTo, databaseUrl }: { dataDir: string; exportTo?: string; databaseUrl?: string }) {
      exporter = exportTo === undefined ? undefined : new GatedExporter(exportTo);
      const exporters = exporter ? [{ name: exporter.name, exporter }] : [];
      const store = databaseUrl === undefined ? {} : { databaseUrl };
      server = await startServer({ dataDir, port: 0, log: tap.log, exporters, ...store });
      return server.url;
    },
    /** Spans that the exporter's backend took so far. */
    forwarded: () => exporter?.spans ?? 0,
    openGate: () => exporter?.open(),
    closeGate: () => exporter?.close(),
    /** SQLite statements since the first time this was called. */
    statements: () => statementsRun(),
    memory: (how: { collect: boolean }) => tap.sample(how),
  },
  async () => server?.stop(),
);

import { spawnSync } from "node:child_process";
import { BackendProgram, freePorts } from "./backend-program.ts";

/** Whether Prometheus and promtool are installed, as Debian's package `prometheus` brings them. */
export function hasPrometheus(): boolean {
  return ["prometheus", "promtool"].every((program) => spawnSync(program, ["--version"]).status === 0);
}

/** What promtool says of a page of metrics; nothing when it finds no fault. */
export function checkMetrics(text: string): string {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}`;
}

/** Prometheus on loopback, which reads one page of metrics every 200 milliseconds. */
export interface Prometheus extends AsyncDisposable {
  /** The values of an instant query now, by their labels as JSON; nothing while it has none. */
  query(expression: string): Promise<Map<string, number>>;
}

/** Starts Prometheus on the metrics of a server. */
export async function startPrometheus({ host }: URL): Promise<Prometheus> {
  const [port] = (await freePorts(1)) as [number];
  const backend = await BackendProgram.start("prometheus", () => configOf(host), {
    args: (file, folder) => [
      `--config.file=${file}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    ready: "Server is ready to receive web requests",
  });
  return {
    query: (expression) => query(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

async function query(url: string): Promise<Map<string, number>> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`cannot query Prometheus: it answered ${answer.status}`);
  const { data } = (await answer.json()) as { data: { result: { metric: object; value: [number, string] }[] } };
  return new Map(data.result.map(({ metric, value }) => [JSON.stringify(metric), Number(value[1])]));
}

function configOf(target: string): string {
  return `
global: { scrape_interval: 200ms, scrape_timeout: 200ms }
scrape_configs:
  - job_name: spanloom
    static_configs: [{ targets: ["${target}"] }]
`;
}

import { Command, Option } from "commander";
import { type CliContext, exitCodes } from "../cli-context.ts";
import {
  type ExportKind,
  type ExportOptions,
  type ExportOutcome,
  exportRows,
  nothingSent,
} from "../export/export-rows.ts";
import { exportTarget } from "../export/export-target.ts";
import { ResumeFile } from "../export/resume-file.ts";
import { addSharedFilterOptions, type SharedFilterFlags } from "../filters/shared-filter.ts";
import type { Exit } from "../program.ts";
import { queryClient, wantsJson } from "../server-options.ts";
import { parseDuration } from "../text/duration-text.ts";
import { oneLine } from "../text/text-table.ts";

interface ExportFlags extends SharedFilterFlags {
  to: string;
  only?: ExportKind;
  resume?: string;
  retryFor: string;
}

/** `spanloom export`: sends stored spans and log records to another backend. */
export function exportCommand(context: CliContext, exit: Exit): Command {
  const command = new Command("export")
    .description("send stored spans and log records to another backend: of jobs, or of a range of time")
    .argument("[jobs...]", "ids of jobs; without one, everything that the conditions leave")
    .requiredOption("--to <where>", "an OTLP endpoint's URL, or an exporter by name: otlp, honeycomb, ./my-exporter.ts")
    .addOption(new Option("--only <kind>", "spans or logs alone").choices(["spans", "logs"]))
    .option("--resume <file>", "keeps how far it came, and goes on there when it is run again; removed at the end")
    .option("--retry-for <duration>", "how long a backend that takes nothing is tried", "1m");
  command.optionsGroup("Conditions, which must all hold:");
  return addSharedFilterOptions(command, "records")
    .addHelpText("after", help)
    .action(async (jobs: string[], flags: ExportFlags) => {
      const { to, only, resume, retryFor, ...conditions } = flags;
      const retryMs = parseDuration(retryFor, "--retry-for");
      const json = wantsJson(command);
      const exporter = await exportTarget(to, context);
      const outcome = nothingSent(exporter);
      const options: ExportOptions = {
        client: queryClient(command, context),
        jobs,
        flags: conditions,
        kinds: only ? [only] : ["spans", "logs"],
        exporter,
        retryMs,
        resume: new ResumeFile(resume, JSON.stringify({ to, jobs, only, ...conditions })),
        context,
      };
      try {
        await exportRows(options, outcome);
        context.stdout.write(json ? `${JSON.stringify(outcome)}\n` : `${exportText(outcome)}\n`);
        if (outcome.rejected > 0) exit(exitCodes.failed);
      } catch (error) {
        if (!json && outcome.spans + outcome.logRecords > 0) context.stderr.write(`${soFarText(outcome, resume)}\n`);
        throw error;
      } finally {
        await exporter.shutdown();
      }
    });
}

function exportText({ exporter, destination, spans, logRecords, rejected, refusal }: ExportOutcome): string {
  const to = destination ? `${exporter} (${destination})` : exporter;
  const refused = rejected > 0 ? `; it refused ${rejected} of them: ${oneLine(refusal)}` : "";
  return `Sent ${spans} spans and ${logRecords} log records to ${to}${refused}`;
}

function soFarText(outcome: ExportOutcome, resume: string | undefined): string {
  const next = resume === undefined ? "with --resume <file> it can be gone on with" : "the same command goes on there";
  return `${exportText(outcome)} before it stopped; ${next}.`;
}

const help = `
Exporters are configured by their own variables, such as OTEL_EXPORTER_OTLP_HEADERS or HONEYCOMB_API_KEY, and are
packages to install, but for OTLP: docs/exporters.md. Spans that have not ended are not sent. Files are written by
spanloom spans --out and spanloom logs --out; a server sends what comes by itself with --exporter.

Examples:
  spanloom export 0190... --to http://localhost:4318
  spanloom export --since 1d --to https://collector.example:4318 --resume yesterday.json
  spanloom export --since 2030-01-01T00:00:00Z --until 2030-02-01T00:00:00Z --only spans --to honeycomb
`;

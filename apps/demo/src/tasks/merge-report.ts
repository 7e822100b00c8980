import { basename, dirname } from "node:path";
import { task } from "@spanloom/sdk";
import type { HashedFile } from "../audit/hash-files.ts";
import { type AuditedPackage, type AuditReport, buildReport } from "../audit/report.ts";
import { readWork, writeWork } from "../audit/work-folder.ts";
import { auditPackage } from "./audit-package.ts";

/** Input of the merge. */
export interface MergeReportInput {
  dir: string;
  workDir: string;
  reportPath: string;
  linkedOutside: string[];
}

/** Merges what the audits of all packages found and writes the report. Output: its totals. */
export const mergeReport = task({
  name: "merge-report",
  version: "1.0",
  retry: { maxAttempts: 3, initialDelayMs: 200 },
  async run(input: MergeReportInput, ctx): Promise<AuditReport["totals"]> {
    const findings = await ctx.outputsOf(auditPackage);
    const audited = await ctx.span("read hashes", async () => {
      const all: AuditedPackage[] = [];
      for (const finding of findings) {
        ctx.signal.throwIfAborted();
        const parts = finding.hashes.map((name) => readWork<HashedFile[]>(input.workDir, name));
        all.push({ finding, files: (await Promise.all(parts)).flat() });
        ctx.progress(all.length, findings.length, "packages");
      }
      return all;
    });
    const report = await ctx.span("merge", () => buildReport(input.dir, audited, input.linkedOutside));
    const attemptKey = `${ctx.taskId}-${ctx.attempt}`;
    await writeWork(dirname(input.reportPath), basename(input.reportPath), report, attemptKey);
    ctx.log.info("wrote the report", { path: input.reportPath, packages: report.totals.packages });
    return report.totals;
  },
});

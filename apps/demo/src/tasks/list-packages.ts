import { task } from "@spanloom/sdk";
import { findPackages } from "../audit/find-packages.ts";
import { auditPackage } from "./audit-package.ts";
import { mergeReport } from "./merge-report.ts";

/** Input of an audit. All runners must see these folders under the same paths. */
export interface AuditInput {
  /** Folder to audit. */
  dir: string;
  /** Folder for what tasks leave to each other. */
  workDir: string;
  /** File to write the report to. */
  reportPath: string;
}

/**
 * The root of an audit: lists the packages, submits one task for each and a last one that waits for all of them.
 *
 * Output: how many packages there are.
 */
export const listPackages = task({
  name: "list-packages",
  version: "1.0",
  async run(input: AuditInput, ctx): Promise<{ packages: number }> {
    const found = await ctx.span("find packages", async (span) => {
      const result = await findPackages(input.dir);
      span.setAttributes({ "audit.packages": result.packages.length, "audit.dir": result.root });
      return result;
    });
    ctx.log.info("found packages", { packages: found.packages.length, linkedOutside: found.linkedOutside.length });
    const merge = { ...input, dir: found.root, linkedOutside: found.linkedOutside };
    if (found.packages.length === 0) {
      ctx.submit(mergeReport, merge);
      return { packages: 0 };
    }
    const audits = ctx.submitMany(
      auditPackage,
      found.packages.map((target) => ({ dir: found.root, workDir: input.workDir, target })),
      { displays: found.packages.map(({ path }) => path) },
    );
    ctx.submit(mergeReport, merge, { dependsOn: audits });
    return { packages: found.packages.length };
  },
});

import { task } from "@spanloom/sdk";
import { hashFiles } from "../audit/hash-files.ts";
import type { WalkedFile } from "../audit/walk-files.ts";
import { readWork, writeWork } from "../audit/work-folder.ts";

/** Input of the audit of a part of a large package. */
export interface AuditFilesInput {
  packageDir: string;
  workDir: string;
  /** Work file with the package's files. */
  listing: string;
  /** First file of the part. */
  from: number;
  /** One past its last. */
  to: number;
  /** Work file to leave the hashes in. */
  hashes: string;
}

/** Hashes a range of a large package's files. Output: how many. */
export const auditFiles = task({
  name: "audit-files",
  version: "1.0",
  retry: { maxAttempts: 3, initialDelayMs: 200 },
  async run(input: AuditFilesInput, ctx): Promise<{ files: number }> {
    const listing = await readWork<WalkedFile[]>(input.workDir, input.listing);
    const files = listing.slice(input.from, input.to);
    await ctx.span("hash files", async (span) => {
      const onFile = (done: number) => ctx.progress(done, files.length, "files");
      const hashed = await hashFiles(input.packageDir, files, { signal: ctx.signal, onFile });
      span.setAttribute(
        "audit.bytes",
        files.reduce((total, { bytes }) => total + bytes, 0),
      );
      await writeWork(input.workDir, input.hashes, hashed, `${ctx.taskId}-${ctx.attempt}`);
    });
    return { files: files.length };
  },
});

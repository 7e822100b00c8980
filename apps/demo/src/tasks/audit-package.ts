import { join } from "node:path";
import { type TaskContext, task } from "@spanloom/sdk";
import type { FoundPackage } from "../audit/find-packages.ts";
import { hashFiles } from "../audit/hash-files.ts";
import { type Manifest, ManifestError, readManifest } from "../audit/manifest.ts";
import type { PackageFinding } from "../audit/package-finding.ts";
import { type WalkedFiles, walkFiles } from "../audit/walk-files.ts";
import { hashesName, listingName, writeWork } from "../audit/work-folder.ts";
import { auditFiles } from "./audit-files.ts";

/** Input of the audit of one package. */
export interface AuditPackageInput {
  dir: string;
  workDir: string;
  target: FoundPackage;
}

/** A package with more files than this is hashed by subtasks of at most this many files each. */
export const FILES_PER_TASK = 400;

/** Audits one package: reads its manifest, walks its files and hashes them, or has subtasks hash them. */
export const auditPackage = task({
  name: "audit-package",
  version: "1.0",
  retry: { maxAttempts: 3, initialDelayMs: 200 },
  async run(input: AuditPackageInput, ctx): Promise<PackageFinding> {
    const packageDir = join(input.dir, input.target.path);
    const { manifest, manifestError } = await inspectManifest(packageDir, input.target, ctx);
    const walked = await walk(packageDir, ctx);
    const hashes =
      walked.files.length > FILES_PER_TASK ? await split(input, walked, ctx) : await hash(input, walked, ctx);
    return {
      path: input.target.path,
      name: input.target.name,
      version: manifest?.version ?? "",
      licence: manifest?.licence ?? "",
      files: walked.files.length,
      bytes: walked.files.reduce((total, { bytes }) => total + bytes, 0),
      manifestError,
      problems: [...(manifest?.problems ?? []), ...walked.unreadable.map((path) => `has unreadable folder "${path}"`)],
      hashes,
    };
  },
});

async function inspectManifest(
  packageDir: string,
  target: FoundPackage,
  ctx: TaskContext,
): Promise<{ manifest?: Manifest; manifestError: string }> {
  try {
    const manifest = await ctx.span("read manifest", () => readManifest(packageDir, target.name));
    return { manifest, manifestError: "" };
  } catch (error) {
    // A broken manifest is a finding of the audit, not a failure of it: the span keeps the exception.
    if (!(error instanceof ManifestError)) throw error;
    ctx.log.warn("broken manifest", { package: target.path, reason: error.message });
    return { manifestError: error.message };
  }
}

function walk(packageDir: string, ctx: TaskContext): Promise<WalkedFiles> {
  return ctx.span("walk files", async (span) => {
    const walked = await walkFiles(packageDir, ctx.signal);
    span.setAttributes({ "audit.files": walked.files.length, "audit.skipped": walked.skipped });
    return walked;
  });
}

function hash(input: AuditPackageInput, { files }: WalkedFiles, ctx: TaskContext): Promise<string[]> {
  return ctx.span("hash files", async (span) => {
    const packageDir = join(input.dir, input.target.path);
    const onFile = (done: number) => ctx.progress(done, files.length, "files");
    const hashed = await hashFiles(packageDir, files, { signal: ctx.signal, onFile });
    span.setAttribute(
      "audit.bytes",
      files.reduce((total, { bytes }) => total + bytes, 0),
    );
    const name = hashesName(input.target.path);
    await writeWork(input.workDir, name, hashed, `${ctx.taskId}-${ctx.attempt}`);
    return [name];
  });
}

/** Leaves the list of files in the work folder, as it may exceed an input's limit, and gives each subtask a range of it. */
async function split(input: AuditPackageInput, { files }: WalkedFiles, ctx: TaskContext): Promise<string[]> {
  const listing = listingName(input.target.path);
  await writeWork(input.workDir, listing, files, `${ctx.taskId}-${ctx.attempt}`);
  const shards = Array.from({ length: Math.ceil(files.length / FILES_PER_TASK) }, (_, shard) => ({
    packageDir: join(input.dir, input.target.path),
    workDir: input.workDir,
    listing,
    from: shard * FILES_PER_TASK,
    to: Math.min((shard + 1) * FILES_PER_TASK, files.length),
    hashes: hashesName(input.target.path, shard),
  }));
  ctx.submitMany(auditFiles, shards);
  ctx.log.info("split a large package", { package: input.target.path, files: files.length, shards: shards.length });
  return shards.map(({ hashes }) => hashes);
}

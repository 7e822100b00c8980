import type { HashedFile } from "./hash-files.ts";
import type { PackageFinding } from "./package-finding.ts";

/** A package in the report. */
export interface ReportedPackage {
  path: string;
  name: string;
  version: string;
  licence: string;
  files: number;
  bytes: number;
  problems: string[];
}

/** Files of different packages with the same content. */
export interface DuplicateFile {
  sha256: string;
  /** Size of one copy. */
  bytes: number;
  /** What all copies but one take on disk; names of one linked file take it once. */
  wastedBytes: number;
  /** Where the copies are, as `package path/file path`. */
  copies: string[];
}

/** A manifest that could not be used. */
export interface BrokenManifest {
  path: string;
  name: string;
  error: string;
}

/** The report of an audit. */
export interface AuditReport {
  /** The audited folder. */
  dir: string;
  totals: {
    packages: number;
    files: number;
    bytes: number;
    duplicateFiles: number;
    wastedBytes: number;
    brokenManifests: number;
    unreadableFiles: number;
  };
  /** Largest first. */
  packages: ReportedPackage[];
  /** Most wasteful first. */
  duplicates: DuplicateFile[];
  /** Packages by licence, most common first; an empty licence is one that nobody stated. */
  licences: { licence: string; packages: string[] }[];
  brokenManifests: BrokenManifest[];
  /** Files that could not be hashed. */
  unreadableFiles: string[];
  /** Links that lead out of the audited folder. */
  linkedOutside: string[];
}

/** A package with the hashes of its files. */
export interface AuditedPackage {
  finding: PackageFinding;
  files: readonly HashedFile[];
}

/** Merges the findings of all packages into one report. The order of `audited` does not matter. */
export function buildReport(
  dir: string,
  audited: readonly AuditedPackage[],
  linkedOutside: readonly string[],
): AuditReport {
  const packages = audited.map(({ finding }) => toReported(finding)).sort(bySizeThenPath);
  const duplicates = findDuplicates(audited);
  const brokenManifests = findBroken(audited);
  const unreadableFiles = audited
    .flatMap(({ finding, files }) => files.filter((f) => f.sha256 === "").map((f) => `${finding.path}/${f.path}`))
    .sort();
  return {
    dir,
    totals: {
      packages: packages.length,
      files: sum(packages.map((p) => p.files)),
      bytes: sum(packages.map((p) => p.bytes)),
      duplicateFiles: sum(duplicates.map((d) => d.copies.length - 1)),
      wastedBytes: sum(duplicates.map((d) => d.wastedBytes)),
      brokenManifests: brokenManifests.length,
      unreadableFiles: unreadableFiles.length,
    },
    packages,
    duplicates,
    licences: groupByLicence(packages),
    brokenManifests,
    unreadableFiles,
    linkedOutside: [...linkedOutside],
  };
}

function toReported({ path, name, version, licence, files, bytes, problems }: PackageFinding): ReportedPackage {
  return { path, name, version, licence, files, bytes, problems };
}

function findBroken(audited: readonly AuditedPackage[]): BrokenManifest[] {
  return audited
    .filter(({ finding }) => finding.manifestError !== "")
    .map(({ finding: { path, name, manifestError } }) => ({ path, name, error: manifestError }))
    .sort((a, b) => compare(a.path, b.path));
}

/** Content found in at least two packages. Empty files are equal by nature and waste nothing. */
function findDuplicates(audited: readonly AuditedPackage[]): DuplicateFile[] {
  const byHash = new Map<string, { bytes: number; packages: Set<string>; inodes: Set<string>; copies: string[] }>();
  for (const { finding, files } of audited) {
    for (const { path, bytes, inode, sha256 } of files) {
      if (sha256 === "" || bytes === 0) continue;
      const entry = byHash.get(sha256) ?? { bytes, packages: new Set(), inodes: new Set(), copies: [] };
      byHash.set(sha256, entry);
      entry.packages.add(finding.path);
      entry.inodes.add(inode);
      entry.copies.push(`${finding.path}/${path}`);
    }
  }
  return [...byHash]
    .filter(([, { packages }]) => packages.size > 1)
    .map(([sha256, { bytes, inodes, copies }]) => ({
      sha256,
      bytes,
      wastedBytes: bytes * (inodes.size - 1),
      copies: copies.sort(compare),
    }))
    .sort((a, b) => b.wastedBytes - a.wastedBytes || compare(a.sha256, b.sha256));
}

function groupByLicence(packages: readonly ReportedPackage[]): AuditReport["licences"] {
  const groups = Map.groupBy(packages, ({ licence }) => licence);
  return [...groups]
    .map(([licence, members]) => ({ licence, packages: members.map(({ path }) => path).sort(compare) }))
    .sort((a, b) => b.packages.length - a.packages.length || compare(a.licence, b.licence));
}

function bySizeThenPath(a: ReportedPackage, b: ReportedPackage): number {
  return b.bytes - a.bytes || compare(a.path, b.path);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

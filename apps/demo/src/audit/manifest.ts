import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What an audit takes from a `package.json`. */
export interface Manifest {
  /** Empty when the manifest gives none. */
  name: string;
  /** Empty when the manifest gives none. */
  version: string;
  /** SPDX expression or whatever the manifest says; empty when it says nothing. */
  licence: string;
  /** What is wrong but does not stop the audit, e.g. a missing version. */
  problems: string[];
}

/** A manifest that is absent, unreadable or not what a manifest must be. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/**
 * Reads the manifest of an installed package.
 *
 * Errors: ManifestError when it is absent, unreadable, not JSON or not an object.
 */
export async function readManifest(packageDir: string, expectedName: string): Promise<Manifest> {
  const path = join(packageDir, "package.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ManifestError(`cannot read the manifest of "${expectedName}": ${reasonOf(error)}`, { cause: error });
  }
  return parseManifest(text, expectedName);
}

/** Parses the text of a manifest. Errors: ManifestError as in {@link readManifest}. */
export function parseManifest(text: string, expectedName: string): Manifest {
  const value = parseObject(text, expectedName);
  const name = textOf(value.name);
  const version = textOf(value.version);
  const licence = licenceOf(value);
  const problems: string[] = [];
  if (name === "") problems.push("has no name");
  // npm allows installing a package under another name, so this is worth a note, not an error.
  else if (name !== expectedName) problems.push(`is named "${name}" but installed as "${expectedName}"`);
  if (version === "") problems.push("has no version");
  else if (!/^\d+\.\d+\.\d+([-+].+)?$/.test(version)) problems.push(`has version "${version}", which is not semver`);
  return { name, version, licence, problems };
}

function parseObject(text: string, expectedName: string): Record<string, unknown> {
  let value: unknown;
  try {
    // npm and Node accept a byte order mark as well.
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new ManifestError(`cannot parse the manifest of "${expectedName}": ${reasonOf(error)}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ManifestError(`cannot use the manifest of "${expectedName}": it is not an object`);
  }
  return value as Record<string, unknown>;
}

/** Licence of a manifest, in its present form or one of the two npm has retired. */
function licenceOf(manifest: Record<string, unknown>): string {
  const single = licenceText(manifest.license);
  if (single !== "") return single;
  const many = manifest.licenses;
  if (!Array.isArray(many)) return "";
  const texts = many.map(licenceText).filter((text) => text !== "");
  return texts.length > 1 ? `(${texts.join(" OR ")})` : (texts[0] ?? "");
}

function licenceText(value: unknown): string {
  if (typeof value === "object" && value !== null && "type" in value) return textOf(value.type);
  return textOf(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

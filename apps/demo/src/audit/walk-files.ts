import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** What a package's folder holds. */
export interface WalkedFiles {
  /** Regular files, from the package's folder, with `/`, in a stable order. */
  files: { path: string; bytes: number }[];
  /** Symbolic links, sockets and the like: counted, never followed. */
  skipped: number;
  /** Folders and files that could not be read. */
  unreadable: string[];
}

/**
 * Lists the regular files of one package, without the packages nested in its `node_modules`.
 *
 * Links are not followed, so no cycle is possible. An unreadable folder is reported, not thrown.
 */
export async function walkFiles(packageDir: string, signal?: AbortSignal): Promise<WalkedFiles> {
  const walked: WalkedFiles = { files: [], skipped: 0, unreadable: [] };
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal?.throwIfAborted();
    await listFolder(packageDir, folder, folders, walked);
  }
  walked.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return walked;
}

async function listFolder(packageDir: string, folder: string, folders: string[], walked: WalkedFiles): Promise<void> {
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(join(packageDir, folder));
  } catch {
    // Part of the finding: the report names what nobody can read.
    walked.unreadable.push(folder === "" ? "." : folder);
    return;
  }
  for (const entry of entries) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (path !== "node_modules") folders.push(path);
    } else if (entry.isFile()) {
      walked.files.push({ path, bytes: (await lstat(join(packageDir, path))).size });
    } else walked.skipped++;
  }
}

function readEntries(dir: string) {
  return readdir(dir, { withFileTypes: true });
}

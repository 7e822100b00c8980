import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** A regular file of a package. */
export interface WalkedFile {
  /** From the package's folder, with `/`. */
  path: string;
  bytes: number;
  /** Device and inode: names of one file on disk share it, as installers link files instead of copying them. */
  inode: string;
}

/** What a package's folder holds. */
export interface WalkedFiles {
  /** Regular files in a stable order. */
  files: WalkedFile[];
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
      const { size, dev, ino } = await lstat(join(packageDir, path));
      walked.files.push({ path, bytes: size, inode: `${dev}:${ino}` });
    } else walked.skipped++;
  }
}

function readEntries(dir: string) {
  return readdir(dir, { withFileTypes: true });
}

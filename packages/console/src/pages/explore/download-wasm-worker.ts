import { QueryClient } from "@spanloom/query";
import type { DownloadNews, DownloadRequest } from "./download-messages.ts";
import { gatherPieces } from "./gather-pieces.ts";
import { loadParquet } from "./load-parquet.ts";

/** What this needs of the scope of a worker, whose types exclude those of a page. */
interface Scope {
  postMessage(message: DownloadNews): void;
  onmessage: ((event: { data: DownloadRequest }) => void) | null;
}

const scope = globalThis as unknown as Scope;

/** How often is told how far it is. */
const TELL_MS = 200;

scope.onmessage = ({ data }) => {
  download(data).catch((error) => {
    scope.postMessage({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  });
};

async function download({ url, token, conditions, aggregate, format, file }: DownloadRequest): Promise<void> {
  const client = new QueryClient(token === "" ? { url } : { url, token });
  const spans = client.spans(conditions);
  const query = aggregate ? spans.aggregate(aggregate) : spans;
  let [rows, bytes, toldMs] = [0, 0, 0];
  const tell = () => {
    if (Date.now() - toldMs < TELL_MS) return;
    toldMs = Date.now();
    scope.postMessage({ kind: "progress", rows, bytes });
  };
  const onRows = (count: number) => {
    rows = count;
    tell();
  };
  const parquet = format === "parquet" ? { parquet: await loadParquet() } : {};
  const target = await targetOf(file);
  for await (const part of gatherPieces(query.encode(format, { ...parquet, onRows }))) {
    bytes += part.size;
    await target.write(part);
    tell();
  }
  const blob = await target.finish();
  scope.postMessage({ kind: "done", rows, bytes, ...(blob && { blob }) });
}

/** Where parts go. */
interface Target {
  write: (part: Blob) => Promise<void>;
  /** All parts as one, unless they are in a file. */
  finish: () => Promise<Blob | undefined>;
}

async function targetOf(file: FileSystemFileHandle | undefined): Promise<Target> {
  if (file) {
    // What is written is in the file when it is closed, and never before: a download that is cancelled changes nothing.
    const writable = await file.createWritable();
    return {
      write: (part) => writable.write(part),
      finish: async () => {
        await writable.close();
        return undefined;
      },
    };
  }
  // Browsers keep blobs outside of the heap, and on disk when they are large.
  const parts: Blob[] = [];
  return {
    write: async (part) => {
      parts.push(part);
    },
    finish: async () => new Blob(parts),
  };
}

import type { AggregateInput, SpanConditions } from "@spanloom/query";
import { useEffect, useRef, useState } from "react";
import { token } from "../../state/settings.ts";
import type { DownloadFormat, DownloadNews, DownloadRequest } from "./download-messages.ts";

/** A download, and how far it is. */
export interface DownloadState {
  name: string;
  /** Rows there are to come, as far as it is known. */
  total: number | undefined;
  rows: number;
  bytes: number;
  state: "running" | "done" | "failed";
  problem?: string;
}

/** What to download. */
export interface DownloadWish {
  name: string;
  format: DownloadFormat;
  conditions: SpanConditions;
  aggregate?: AggregateInput;
  total: number | undefined;
}

/** Some browsers write a file as it comes; the dialog for it is worth its while when the file is large. */
const ASK_FROM_ROWS = 200_000;

type Picker = (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;

/** One download at a time, made by a worker that ends with it. */
export function useDownload() {
  const [state, setState] = useState<DownloadState>();
  const worker = useRef<Worker>(undefined);
  useEffect(() => () => worker.current?.terminate(), []);
  const cancel = () => {
    worker.current?.terminate();
    worker.current = undefined;
    setState(undefined);
  };
  const start = async ({ name, total, ...wish }: DownloadWish) => {
    const picked = await pickFile(name, total);
    if (picked === "none") return;
    worker.current?.terminate();
    const mine = new Worker(new URL("./download-wasm-worker.ts", import.meta.url), { type: "module" });
    worker.current = mine;
    setState({ name, total, rows: 0, bytes: 0, state: "running" });
    mine.onmessage = ({ data }: MessageEvent<DownloadNews>) => {
      setState((before) => before && { ...before, ...stateOf(data) });
      if (data.kind === "done" && data.blob) save(data.blob, name);
      if (data.kind !== "progress") mine.terminate();
    };
    mine.onerror = ({ message }) => setState((before) => before && { ...before, state: "failed", problem: message });
    const request = { ...wish, url: location.origin, token: token.get(), ...(picked && { file: picked }) };
    mine.postMessage(request satisfies DownloadRequest);
  };
  return { state, start, cancel };
}

function stateOf(news: DownloadNews): Partial<DownloadState> {
  if (news.kind === "failed") return { state: "failed", problem: news.message };
  return { rows: news.rows, bytes: news.bytes, state: news.kind === "done" ? "done" : "running" };
}

/** Asks where to write a large file; `none` when the answer is nowhere, undefined where there is nobody to ask. */
async function pickFile(name: string, total: number | undefined): Promise<FileSystemFileHandle | "none" | undefined> {
  const picker = (globalThis as { showSaveFilePicker?: Picker }).showSaveFilePicker;
  if (!picker || (total ?? 0) < ASK_FROM_ROWS) return undefined;
  try {
    return await picker({ suggestedName: name });
  } catch (error) {
    if ((error as Error).name === "AbortError") return "none";
    return undefined; // Not every page may ask, as one within another: then it is downloaded as any file is.
  }
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** How long a browser may take to begin with a file that it was given. */
const KEPT_MS = 60_000;

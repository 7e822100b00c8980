import { existsSync, readdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { extname, join } from "node:path";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { sampleTraces, tempDir } from "@spanloom/testing";
import { expect, it } from "vitest";
import { RotatingFile } from "./rotating-file.ts";
import { spansToParquet } from "./to-parquet.ts";

/** A file on a disk with little room: a write takes what fits and then fails, as a real one does. */
async function openWithRoom(path: string, room: { bytes: number }): Promise<FileHandle> {
  const handle = await open(path, "wx");
  const write = async (buffer: Uint8Array, offset: number, length: number, position: number) => {
    const fits = Math.min(length, room.bytes);
    if (fits === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    room.bytes -= fits;
    return handle.write(buffer, offset, fits, position);
  };
  return new Proxy(handle, {
    get(target, name) {
      if (name === "write") return write;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

it("leaves nothing of what did not fit, and goes on once there is room (I1)", async () => {
  using folder = tempDir();
  const room = { bytes: 7 };
  const file = new RotatingFile({
    directory: folder.path,
    prefix: "x",
    extension: ".txt",
    finalExtension: ".txt",
    maxBytes: 1_000,
    maxAgeMs: 60_000,
    maxFiles: 10,
    nowMs: Date.now,
    openFile: (path) => openWithRoom(path, room),
  });
  const text = () => readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name), "utf8"));
  await file.append(Buffer.from("one\n"));
  await expect(file.append(Buffer.from("two two\n"))).rejects.toThrow("ENOSPC");
  expect(text()).toEqual(["one\n"]);
  room.bytes = 100;
  await Promise.all([file.append(Buffer.from("three\n")), file.append(Buffer.from("four\n")), file.close()]);
  await file.close();
  expect(text()).toEqual(["one\nthree\nfour\n"]);
});

it("finishes a file later that it could not finish", async () => {
  using folder = tempDir();
  let isFull = true;
  const file = new RotatingFile({
    directory: folder.path,
    prefix: "x",
    extension: ".part",
    finalExtension: ".txt",
    maxBytes: 4,
    maxAgeMs: 60_000,
    maxFiles: 10,
    nowMs: Date.now,
    finish: async (written, final) => {
      if (isFull) throw new Error("ENOSPC");
      renameSync(written, final);
    },
  });
  const ends = () =>
    readdirSync(folder.path)
      .map((name) => extname(name))
      .sort();
  await file.append(Buffer.from("one\n"));
  await file.close();
  expect(ends()).toEqual([".part"]);
  isFull = false;
  await file.append(Buffer.from("two\n"));
  await file.close();
  expect(ends()).toEqual([".txt", ".txt"]);
});

it("leaves no empty file where nothing could be written", async () => {
  using folder = tempDir();
  const finished: string[] = [];
  const file = new RotatingFile({
    directory: folder.path,
    prefix: "x",
    extension: ".part",
    finalExtension: ".txt",
    maxBytes: 1_000,
    maxAgeMs: 60_000,
    maxFiles: 10,
    nowMs: Date.now,
    openFile: (path) => openWithRoom(path, { bytes: 0 }),
    finish: async (written) => void finished.push(written),
  });
  const orphan = join(folder.path, "x-0.part");
  writeFileSync(orphan, "");
  utimesSync(orphan, 0, 0);
  await expect(file.append(Buffer.from("one\n"))).rejects.toThrow("ENOSPC");
  await file.close();
  expect(readdirSync(folder.path)).toEqual([]);
  expect(finished).toEqual([]);
});

it.skipIf(!existsSync("/dev/full"))("leaves no half file where a Parquet file could not be made", async () => {
  using folder = tempDir();
  const [written, final] = [join(folder.path, "spans-0.part"), join(folder.path, "spans-0.parquet")];
  const { traces } = sampleTraces("a");
  writeFileSync(written, sizeDelimitedEncode(ExportTraceServiceRequestSchema, traces!));
  // What is written there goes to a disk that is full.
  symlinkSync("/dev/full", `${final}.${process.pid}.tmp`);
  await expect(spansToParquet(written, final)).rejects.toThrow("ENOSPC");
  expect(readdirSync(folder.path)).toEqual(["spans-0.part"]);
  await spansToParquet(written, final);
  expect(readdirSync(folder.path)).toEqual(["spans-0.parquet"]);
});

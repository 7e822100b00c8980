import { readdirSync, readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { tempDir } from "@spanloom/testing";
import { expect, it } from "vitest";
import { RotatingFile } from "./rotating-file.ts";

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

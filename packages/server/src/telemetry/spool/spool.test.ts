import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newSignal, tempDir } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import type { OtlpPayload } from "../telemetry.ts";
import { Spool, type SpoolOptions } from "./spool.ts";
import { nodeSpoolFileSystem, type SpoolFile, type SpoolFileSystem } from "./spool-file.ts";

const payload = (text: string, signal: OtlpPayload["signal"] = "traces"): OtlpPayload => ({
  signal,
  bytes: Buffer.from(text),
});
const text = (payloads: readonly OtlpPayload[]) => payloads.map(({ bytes }) => Buffer.from(bytes).toString());

async function opened(folder: string, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = new Spool({ folder, maxBytes: 1_000_000, log: () => undefined, ...options });
  await spool.open();
  return spool;
}

/** A file system that counts syncs and can be held back or made to fail. */
function instrumented(overrides: Partial<Pick<SpoolFile, "write" | "sync">>): SpoolFileSystem {
  return {
    ...nodeSpoolFileSystem,
    async append(folder, name) {
      return { ...(await nodeSpoolFileSystem.append(folder, name)), ...overrides };
    },
  };
}

describe("Spool", () => {
  it("replays what was appended, in order, under the same numbers", async () => {
    using dir = tempDir();
    const spool = await opened(dir.path);
    await spool.append([payload("a"), payload("b", "logs")]).durable;
    const second = spool.append([payload("c")]);
    await second.durable;
    expect(second.firstSeq).toBe(3);
    await spool.close();
    const again = await opened(dir.path);
    expect(again.nextSeq).toBe(4);
    const back = await again.read(1);
    expect(back.map(({ seq, signal }) => [seq, signal])).toEqual([
      [1, "traces"],
      [2, "logs"],
      [3, "traces"],
    ]);
    expect(text(back)).toEqual(["a", "b", "c"]);
    expect(text(await again.read(3))).toEqual(["c"]);
    await again.close();
  });

  it("cuts a torn end and goes on after it (I3)", async () => {
    using dir = tempDir();
    const spool = await opened(dir.path);
    await spool.append([payload("whole")]).durable;
    await spool.append([payload("torn")]).durable;
    await spool.close();
    const file = join(dir.path, readdirSync(dir.path)[0]!);
    writeFileSync(file, readFileSync(file).subarray(0, -2));
    const lines: string[] = [];
    const again = await opened(dir.path, { log: (line) => lines.push(line) });
    expect(lines).toEqual([expect.stringMatching(/cut \d+ torn or damaged bytes .* after 1 payloads/)]);
    await again.append([payload("next")]).durable;
    expect(text([...(await again.read(1)), ...(await again.read(2))])).toEqual(["whole", "next"]);
    await again.close();
  });

  it("keeps the sound payloads before a damaged one", async () => {
    using dir = tempDir();
    const spool = await opened(dir.path);
    await spool.append([payload("first"), payload("second"), payload("third")]).durable;
    await spool.close();
    const file = join(dir.path, readdirSync(dir.path)[0]!);
    const bytes = readFileSync(file);
    bytes[bytes.indexOf("second")]! ^= 1;
    writeFileSync(file, bytes);
    const again = await opened(dir.path);
    expect(text(await again.read(1))).toEqual(["first"]);
    await again.close();
  });

  it("believes no length in a frame", async () => {
    using dir = tempDir();
    const spool = await opened(dir.path);
    await spool.append([payload("sound")]).durable;
    await spool.close();
    appendFileSync(join(dir.path, readdirSync(dir.path)[0]!), Buffer.from("ffffffff0000000000aabb", "hex"));
    const again = await opened(dir.path);
    expect(text(await again.read(1))).toEqual(["sound"]);
    await again.close();
  });

  it("makes appends that arrive during a sync durable with one more (I2)", async () => {
    using dir = tempDir();
    const held = newSignal();
    let syncs = 0;
    const spool = await opened(dir.path, {
      fileSystem: instrumented({
        sync: async () => {
          syncs++;
          await held.promise;
        },
      }),
    });
    const first = spool.append([payload("1")]).durable;
    await new Promise(setImmediate);
    const others = Array.from({ length: 20 }, (_, i) => spool.append([payload(String(i))]).durable);
    held.resolve();
    await Promise.all([first, ...others]);
    expect(syncs).toBe(2);
    await spool.close();
  });

  it("refuses payloads beyond its bytes with OVERLOADED and takes them again after a release", async () => {
    using dir = tempDir();
    const spool = await opened(dir.path, { maxBytes: 100 });
    await spool.append([payload("x".repeat(60))]).durable;
    expect(() => spool.append([payload("y".repeat(60))])).toThrow(
      /cannot spool 69 bytes of telemetry: 69 of at most 100 bytes/,
    );
    await spool.release(1);
    await spool.append([payload("z")]).durable;
    spool.append([payload("y".repeat(60))]);
    await spool.close();
  });

  it("leaves no trace of an append that found the disk full (I4)", async () => {
    using dir = tempDir();
    let full = false;
    const fileSystem: SpoolFileSystem = {
      ...nodeSpoolFileSystem,
      async append(folder, name) {
        const file = await nodeSpoolFileSystem.append(folder, name);
        return {
          ...file,
          async write(parts) {
            if (!full) return file.write(parts);
            await file.write([parts[0]!.subarray(0, 4)]);
            throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
          },
        };
      },
    };
    const spool = await opened(dir.path, { fileSystem });
    await spool.append([payload("kept")]).durable;
    full = true;
    await expect(spool.append([payload("lost")]).durable).rejects.toMatchObject({
      reason: "OVERLOADED",
      message: /disk is full/,
    });
    full = false;
    const after = spool.append([payload("later")]);
    await after.durable;
    expect(after.firstSeq).toBe(3);
    await spool.close();
    const again = await opened(dir.path);
    expect(text([...(await again.read(1)), ...(await again.read(3))])).toEqual(["kept", "later"]);
    await again.close();
  });

  it("deletes segments whose payloads are released and keeps counting after a clean stop (I5)", async () => {
    using dir = tempDir();
    const spool = await opened(dir.path, { segmentBytes: 50 });
    for (let i = 0; i < 6; i++) await spool.append([payload("p".repeat(30))]).durable;
    expect(readdirSync(dir.path)).toHaveLength(3);
    await spool.release(6);
    await spool.close();
    const again = await opened(dir.path);
    expect(again.bytes).toBe(0);
    expect(again.nextSeq).toBe(7);
    expect(await again.read(1)).toEqual([]);
    await again.close();
  });

  it("keeps what is not released when releases and appends race, and survives a file that cannot be deleted", async () => {
    using dir = tempDir();
    const removed: string[] = [];
    const lines: string[] = [];
    const fileSystem: SpoolFileSystem = {
      ...nodeSpoolFileSystem,
      async remove(folder, name) {
        await new Promise(setImmediate);
        removed.push(name);
        if (removed.length === 2) throw new Error("busy");
        await nodeSpoolFileSystem.remove(folder, name);
      },
    };
    const spool = await opened(dir.path, { segmentBytes: 40, fileSystem, log: (line) => lines.push(line) });
    for (let i = 1; i <= 30; i++) {
      const appended = spool.append([payload(`payload ${i}`.padEnd(40))]).durable;
      await Promise.all([spool.release(i - 2), appended, spool.release(i - 2)]);
    }
    expect(new Set(removed).size).toBe(removed.length);
    expect(lines).toEqual([expect.stringMatching(/cannot delete ".*": busy/)]);
    expect(text([...(await spool.read(29)), ...(await spool.read(30))]).map((line) => line.trim())).toEqual([
      "payload 29",
      "payload 30",
    ]);
    await spool.close();
  });

  it("names the cause when it may not write to its folder", async () => {
    using dir = tempDir();
    const fileSystem: SpoolFileSystem = {
      ...nodeSpoolFileSystem,
      async append(folder, name) {
        throw Object.assign(new Error(`EROFS: read-only file system, open '${join(folder, name)}'`), { code: "EROFS" });
      },
    };
    await expect(opened(dir.path, { fileSystem })).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: /cannot open the spool in ".*": EROFS: read-only file system/,
    });
  });

  it("says which folder it cannot open", async () => {
    using dir = tempDir();
    const file = join(dir.path, "file");
    writeFileSync(file, "");
    await expect(opened(join(file, "spool"))).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: /cannot open the spool in ".*spool"/,
    });
  });
});

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { CursorFiles } from "./cursor-file.ts";

const cursor = { spans: { us: 2n ** 60n, place: "ab" }, logs: { us: 0n, place: "" } };

describe("CursorFiles", () => {
  it("gives back what was saved, by a name of any letters", async () => {
    using dir = tempDir();
    const files = new CursorFiles(join(dir.path, "forward"));
    const held = await files.take("../otlp");
    expect(held.cursor).toBeUndefined();
    await held.save(cursor);
    expect((await files.take("../otlp")).cursor).toEqual(cursor);
    expect(readdirSync(dir.path)).toEqual(["forward"]);
  });

  it("refuses what is no cursor, and says how to go on", async () => {
    using dir = tempDir();
    writeFileSync(join(dir.path, "otlp.json"), "{}\n");
    await expect(new CursorFiles(dir.path).take("otlp")).rejects.toThrow("remove it to begin at now");
  });

  it("lets go of those that were not moved for long", async () => {
    using dir = tempDir();
    let aheadMs = 0;
    const files = new CursorFiles(dir.path, () => (Date.now() + aheadMs) * 1000);
    await (await files.take("otlp")).release(cursor);
    await files.forget(60_000);
    expect((await files.take("otlp")).cursor).toEqual(cursor);
    aheadMs = 120_000;
    await files.forget(60_000);
    expect((await files.take("otlp")).cursor).toBeUndefined();
  });
});

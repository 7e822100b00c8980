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
    expect(await files.load("../otlp")).toBeUndefined();
    await files.save("../otlp", cursor);
    expect(await files.load("../otlp")).toEqual(cursor);
    expect(readdirSync(dir.path)).toEqual(["forward"]);
  });

  it("refuses what is no cursor, and says how to go on", async () => {
    using dir = tempDir();
    writeFileSync(join(dir.path, "otlp.json"), "{}\n");
    await expect(new CursorFiles(dir.path).load("otlp")).rejects.toThrow("remove it to begin at now");
  });

  it("lets go of those that were not moved for long", async () => {
    using dir = tempDir();
    const files = new CursorFiles(dir.path);
    await files.save("otlp", cursor);
    await files.expire(0);
    expect(await files.load("otlp")).toEqual(cursor);
    await files.expire(Date.now() + 60_000);
    expect(await files.load("otlp")).toBeUndefined();
  });
});

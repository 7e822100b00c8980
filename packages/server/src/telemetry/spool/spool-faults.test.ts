import { tempDir } from "@spanloom/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seed } from "../ingest/testing/otlp-arbitraries.ts";
import type { OtlpPayload } from "../telemetry.ts";
import { Spool, type SpoolOptions } from "./spool.ts";
import { nodeSpoolFileSystem, type SpoolFileSystem } from "./spool-file.ts";

/** What the file system may be asked to do, and what of it fails next. */
const faulty = ["write", "sync", "truncate", "append", "remove"] as const;
type Fault = (typeof faulty)[number];
const codes = ["ENOSPC", "EIO", "EDQUOT"] as const;

/** A real folder in which operations fail when told to; a failed write leaves a part of itself behind. */
class FaultyFileSystem implements SpoolFileSystem {
  readonly prepare = nodeSpoolFileSystem.prepare;
  readonly list = nodeSpoolFileSystem.list;
  readonly read = nodeSpoolFileSystem.read;
  readonly #faults: { fault: Fault; code: string }[] = [];

  fail(fault: Fault, code: string): void {
    this.#faults.push({ fault, code });
  }

  recover(): void {
    this.#faults.length = 0;
  }

  async #pass(fault: Fault): Promise<void> {
    const at = this.#faults.findIndex((each) => each.fault === fault);
    if (at < 0) return;
    const { code } = this.#faults.splice(at, 1)[0]!;
    throw Object.assign(new Error(`${code}: failed on purpose`), { code });
  }

  append: SpoolFileSystem["append"] = async (folder, name) => {
    await this.#pass("append");
    const file = await nodeSpoolFileSystem.append(folder, name);
    return {
      write: async (parts) => {
        await this.#pass("write").catch(async (error: unknown) => {
          const all = Buffer.concat(parts);
          await file.write([all.subarray(0, Math.floor(all.length / 2))]);
          throw error;
        });
        await file.write(parts);
      },
      sync: () => this.#pass("sync").then(() => file.sync()),
      truncate: (bytes) => this.#pass("truncate").then(() => file.truncate(bytes)),
      close: () => file.close(),
    };
  };

  remove: SpoolFileSystem["remove"] = async (folder, name) => {
    await this.#pass("remove");
    await nodeSpoolFileSystem.remove(folder, name);
  };
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ append: fc.integer({ min: 1, max: 4 }), bytes: fc.integer({ min: 0, max: 60 }) }),
  },
  { weight: 3, arbitrary: fc.record({ fault: fc.constantFrom(...faulty), code: fc.constantFrom(...codes) }) },
  { weight: 1, arbitrary: fc.record({ release: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.constant({ reopen: true as const }) },
);

describe("Spool on a disk that fails now and then", () => {
  it("has what it acknowledged, under its number, and refuses the rest with OVERLOADED, whatever fails when", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        using dir = tempDir("spanloom-spool-");
        const fileSystem = new FaultyFileSystem();
        const options: SpoolOptions = {
          folder: dir.path,
          maxBytes: 1_000_000,
          segmentBytes: 120,
          log: () => undefined,
          fileSystem,
        };
        const acknowledged = new Map<number, string>();
        let released = 0;
        let made = 0;
        let spool = new Spool(options);
        await spool.open();
        await using _ = {
          async [Symbol.asyncDispose]() {
            fileSystem.recover();
            await spool.close();
          },
        };
        for (const each of steps) {
          if ("append" in each) {
            // At the same time, so that some share a group.
            await Promise.all(
              Array.from({ length: each.append }, async () => {
                const text = `payload ${++made}`.padEnd(each.bytes);
                const payload: OtlpPayload = { signal: "traces", bytes: Buffer.from(text) };
                const { firstSeq, durable } = spool.append([payload]);
                await durable.then(
                  () => acknowledged.set(firstSeq, text),
                  (error: unknown) => expect(error).toMatchObject({ reason: "OVERLOADED" }),
                );
              }),
            );
          } else if ("fault" in each) fileSystem.fail(each.fault, each.code);
          else if ("release" in each) {
            released = Math.max(released, Math.floor(each.release * (spool.nextSeq - 1)));
            await spool.release(released);
          } else {
            fileSystem.recover();
            await spool.close();
            spool = new Spool(options);
            await spool.open();
          }
          expect(await held(spool, released)).toEqual(wanted(acknowledged, released));
        }
        fileSystem.recover();
        await spool.append([{ signal: "logs", bytes: Buffer.from("after all") }]).durable;
      }),
      { numRuns: 150, seed },
    );
  });
});

/** What a spool gives back beyond `released`. */
async function held(spool: Spool, released: number): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (let next = released + 1; ; ) {
    const payloads = await spool.read(next);
    if (payloads.length === 0) return found;
    for (const { seq, bytes } of payloads) {
      found.set(seq, Buffer.from(bytes).toString());
      next = seq + 1;
    }
  }
}

function wanted(acknowledged: ReadonlyMap<number, string>, released: number): Map<number, string> {
  return new Map([...acknowledged].filter(([seq]) => seq > released));
}

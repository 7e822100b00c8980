import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createRegistry, type DescMessage, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { bytesToHex, hexToBytes } from "./hex.ts";
import * as messages from "./index.ts";
import * as otlp from "./otlp.ts";

/**
 * Golden wire snapshots: each `<message type>.json` in testdata/wire holds a representative message in canonical JSON,
 * and the `.hex` beside it the same message in binary, 32 bytes a line. `vitest run -u` writes new ones.
 */
const folder = path.join(import.meta.dirname, "..", "testdata", "wire");

const schemas = [...Object.values<unknown>(messages), ...Object.values<unknown>(otlp)].filter(isMessageSchema);
const registry = createRegistry(...schemas);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.slice(0, -".json".length));

describe("golden wire messages", () => {
  it.each(names)("%s reads and writes the same bytes and the same JSON", async (name) => {
    const schema = registry.getMessage(name);
    if (!schema) throw new Error(`testdata/wire/${name}.json is no message of the protocol`);
    const json = JSON.parse(readFileSync(path.join(folder, `${name}.json`), "utf8"));
    const message = fromJson(schema, json);
    const hex = bytesToHex(toBinary(schema, message)).replace(/.{64}/g, "$&\n");
    await expect(`${hex}\n`).toMatchFileSnapshot(path.join(folder, `${name}.hex`));
    expect(toJson(schema, fromBinary(schema, hexToBytes(hex.replaceAll("\n", ""))))).toEqual(json);
  });

  it("has no file without its other half", () => {
    const halves = names.flatMap((name) => [`${name}.hex`, `${name}.json`]);
    expect(readdirSync(folder).sort()).toEqual(halves.sort());
  });

  it("covers what every runner and every submitter sends and receives", () => {
    expect(names).toEqual(
      expect.arrayContaining([
        "spanloom.v1.SubmitJobRequest",
        "spanloom.v1.SubmitJobResponse",
        "spanloom.v1.LeaseTasksRequest",
        "spanloom.v1.LeaseTasksResponse",
        "spanloom.v1.HeartbeatRequest",
        "spanloom.v1.HeartbeatResponse",
        "spanloom.v1.QuerySpansRequest",
        "spanloom.v1.ErrorDetail",
      ]),
    );
  });

  it("keeps fields of a newer protocol that pass through", () => {
    const newer = hexToBytes("0801" + "fa3f026869");
    expect(bytesToHex(toBinary(messages.ErrorDetailSchema, fromBinary(messages.ErrorDetailSchema, newer)))).toBe(
      "0801fa3f026869",
    );
  });
});

function isMessageSchema(value: unknown): value is DescMessage {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "message";
}

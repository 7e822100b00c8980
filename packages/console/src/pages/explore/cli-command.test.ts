import { describe, expect, it } from "vitest";
import { cliCommand } from "./cli-command.ts";
import { defaultView } from "./explore-view.ts";

const commandOf = (change: Partial<typeof defaultView>) => cliCommand({ ...defaultView, ...change }, "http://h:1");

describe("the command that writes what a page shows", () => {
  it("has a word for each condition, quoted for a shell", () => {
    expect(commandOf({})).toBe("spanloom --url http://h:1 spans --since 1h --out spans.parquet");
    expect(
      commandOf({
        ...{
          job: "a,b",
          name: "=it's; rm",
          type: "task,attempt",
          queue: '""',
          min: "3.15us",
          max: "2m",
          open: "false",
        },
        ...{ attributes: 'code>=500, k="a, b"', from: "0", to: "1000" },
      }),
    ).toBe(
      "spanloom --url http://h:1 spans a b --name '=it'\\''s; rm' --type task,attempt --queue '' " +
        "--min-duration 0.00315ms --max-duration 120000ms --ended --attr 'code>=500' --attr 'k=\"a, b\"' " +
        "--since 1970-01-01T00:00:00.000Z --until 1970-01-01T00:00:01.000Z --out spans.parquet",
    );
    expect(commandOf({ period: "all", open: "true" })).toBe(
      "spanloom --url http://h:1 spans --open --out spans.parquet",
    );
  });

  it("is none where the command line has no word for it", () => {
    expect([commandOf({ attributes: "!gone" }), commandOf({ min: "soon" }), commandOf({ min: "0ns" })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

import { expect, test } from "vitest";
import { UsageError } from "../options.ts";
import { findToolchains } from "./set-up.ts";

test("languages that are missing are named, all of them, with how to get each", () => {
  const find = () => findToolchains({ PATH: import.meta.dirname });
  expect(find).toThrow(UsageError);
  expect(find).toThrow(
    /^cannot use --polyglot: there is no Python .*SPANLOOM_PYTHON; and there is no Go .*SPANLOOM_GO$/,
  );
});

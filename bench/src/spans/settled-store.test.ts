import { expect, test } from "vitest";
import { mergedAway } from "./settled-store.ts";

test("a part counts as merged away when a later one of its day has its blocks", () => {
  const gone = ["t/20261121_1_1_0", "t/20261121_1_4_1", "t/20261121_5_5_0"];
  const left = ["t/20261121_1_5_2", "t/20261121_6_6_0", "t/20261120_1_1_0", "u/20261121_1_1_0", "t/detached", "t"];
  expect(mergedAway([...gone, ...left])).toEqual(gone);
});

test("a part counts as merged away when it was rewritten by a change of the table", () => {
  expect(mergedAway(["all_1_3_1", "all_1_3_1_4", "all_1_3_1_9", "all_7_7_0"])).toEqual(["all_1_3_1", "all_1_3_1_4"]);
});

import { expect, it } from "vitest";
import { Questions } from "./questions.ts";

it("a page refreshes by itself when all is answered, after a rest as long as the answers took three times (I1)", () => {
  let nowMs = 0;
  const questions = new Questions(() => nowMs);
  expect(questions.mayRefresh).toBe(true);
  const [first, second] = [questions.begin(), questions.begin()];
  nowMs = 100;
  first();
  first();
  expect(questions.mayRefresh).toBe(false);
  second();
  expect(questions.mayRefresh).toBe(false);
  nowMs = 399;
  expect(questions.mayRefresh).toBe(false);
  nowMs = 400;
  expect(questions.mayRefresh).toBe(true);
});

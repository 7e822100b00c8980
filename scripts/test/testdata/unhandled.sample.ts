import { it } from "vitest";

it("leaves a promise behind", () => {
  void Promise.reject(new Error("nobody waits for this"));
});

import { expect, it } from "vitest";

it("adds", () => expect(1 + 1).toBe(2));
it("multiplies", () => expect(2 * 3).toBe(6));
it.skip("divides", () => expect(6 / 3).toBe(2));

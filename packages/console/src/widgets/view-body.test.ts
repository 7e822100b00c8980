import { expect, it } from "vitest";
import { roomPx } from "./view-body.tsx";

it("a body reaches to the end of the window, and past it when there would be too little of it", () => {
  expect([roomPx(300, 800), roomPx(600, 800), roomPx(299.5, 800)]).toEqual([484, 320, 484]);
});

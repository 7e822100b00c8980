import { QueryService } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { handlerOf, serviceRoute } from "./service-route.ts";

it("answers UNIMPLEMENTED, naming the call, for what is declared and not served", () => {
  const handler = handlerOf(serviceRoute(QueryService, {}), QueryService.method.tailSpans);
  expect(() => handler({} as never, {} as never)).toThrow(/QueryService\/TailSpans/);
  try {
    handler({} as never, {} as never);
  } catch (error) {
    expect(error).toMatchObject({ reason: "UNIMPLEMENTED" });
  }
});

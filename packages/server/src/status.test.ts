import { readFile } from "node:fs/promises";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { EventService, JobService, QueryService, RunnerService, TaskService, TriggerService } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { serveStubs, storeStub } from "./rpc/testing/stubs.ts";
import type { TriggerStore } from "./store/trigger-store.ts";

/** Calls a method with an empty JSON message and answers with the error code, if any. */
async function codeOf(url: string, service: DescService, method: DescMethod): Promise<string | undefined> {
  const isUnary = method.methodKind === "unary";
  const answer = await fetch(`${url}/${service.typeName}/${method.name}`, {
    method: "POST",
    headers: { "content-type": isUnary ? "application/json" : "application/connect+json" },
    body: isUnary ? "{}" : new Uint8Array([0, 0, 0, 0, 2, ...new TextEncoder().encode("{}")]),
  });
  return /"code":"(\w+)"/.exec(await answer.text())?.[1];
}

it("docs/status.md lists exactly the calls that answer UNIMPLEMENTED", async () => {
  const triggers = storeStub({ onNews: () => () => {}, nextScheduleUs: async () => undefined } as object);
  await using server = await serveStubs({ store: storeStub({ triggers: triggers as unknown as TriggerStore }) });
  const unimplemented: string[] = [];
  for (const service of [JobService, TaskService, RunnerService, QueryService, TriggerService, EventService]) {
    for (const method of service.methods) {
      if ((await codeOf(server.url, service, method)) === "unimplemented")
        unimplemented.push(`${service.name}.${method.name}`);
    }
  }
  const text = await readFile(new URL("../../../docs/status.md", import.meta.url), "utf8");
  const listed = [...text.matchAll(/^- `(\w+Service\.\w+)`$/gm)].map((match) => match[1]);
  expect(listed).toEqual(unimplemented);
});

import { EventService, JobService, QueryService, RunnerService, TaskService, TriggerService } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { spanloomServices } from "../serve.ts";
import { scopeOfCall } from "./scopes.ts";

const rpcs = [EventService, JobService, QueryService, RunnerService, TaskService, TriggerService].flatMap(
  ({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`),
);

describe("the table of scopes", () => {
  it("names every RPC of the protocol and every endpoint of OTLP and of metrics, and nothing else", () => {
    expect([...scopeOfCall.keys()].sort()).toEqual(
      [...rpcs, "/metrics", "/v1/traces", "/v1/logs", "/hooks/{name}"].sort(),
    );
  });

  it("covers every service that the server serves", () => {
    const served = spanloomServices({ store: {} } as never).flatMap(({ service }) =>
      service.methods.map(({ name }) => `${service.typeName}/${name}`),
    );
    expect(served.filter((call) => !scopeOfCall.has(call))).toEqual([]);
  });
});

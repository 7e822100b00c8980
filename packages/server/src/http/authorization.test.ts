import { describe, expect, it } from "vitest";
import { bearerAuthorization, digestOf, fullToken, type TokenRecord } from "./authorization.ts";
import type { Scope } from "./scopes.ts";

const token = (name: string, ...scopes: Scope[]): TokenRecord => {
  return { name, scopes: new Set(scopes), digest: digestOf(`secret of ${name}`.replaceAll(" ", "-")) };
};
const authorize = bearerAuthorization(() => [token("ci", "submit", "read"), token("ops", "admin"), fullToken("all")]);
const SUBMIT = "spanloom.v1.JobService/SubmitJob";
const LEASE = "spanloom.v1.TaskService/LeaseTasks";

describe("a bearer token", () => {
  it("allows the calls of its scopes, and admin and the full token allow all", () => {
    for (const call of [SUBMIT, "spanloom.v1.JobService/WaitJobs"]) authorize("Bearer secret-of-ci", call);
    for (const secret of ["secret-of-ops", "all"])
      for (const call of [SUBMIT, LEASE, "spanloom.v1.RunnerService/DrainRunner", "/v1/logs", "unheard/of"])
        authorize(`bearer ${secret}`, call);
  });

  it("is refused the others, with scope and call named", () => {
    expect(() => authorize("Bearer secret-of-ci", LEASE)).toThrow(
      expect.objectContaining({
        reason: "PERMISSION_DENIED",
        message: `cannot serve ${LEASE}: it needs the scope "run", token "ci" has submit, read`,
        facts: { metadata: { scope: "run", call: LEASE } },
      }) as Error,
    );
    expect(() => authorize("Bearer secret-of-ci", "/v1/traces")).toThrow('the scope "run"');
    expect(() => authorize("Bearer secret-of-ci", "unheard/of")).toThrow('the scope "admin"');
  });

  it.each([
    [undefined, "carries no bearer token"],
    ["Basic YTpi", "carries no bearer token"],
    ["Bearer wrong", "is not known"],
    ["Bearer secret-of-ci2", "is not known"],
  ])("that is missing or unknown is UNAUTHENTICATED: %s", (header, message) => {
    expect(() => authorize(header, SUBMIT)).toThrow(
      expect.objectContaining({ reason: "UNAUTHENTICATED", message: expect.stringContaining(message) }) as Error,
    );
  });
});

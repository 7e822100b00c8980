import type { TraceContext } from "@spanloom/protocol";
import { expect, it } from "vitest";
import type { JobRecord, JobTrigger } from "../store/store.ts";
import { OriginDepths } from "./origin-depths.ts";

const id = (last: number): string => `01890000-0000-7000-8000-00000000000${last}`;
const within = (jobId: string) => ({ traceparent: "", tracestate: `v=1,spanloom=${jobId}_${id(9)}_1` }) as TraceContext;

function depthsOf(triggers: Record<string, JobTrigger | undefined>) {
  const asked: string[][] = [];
  const depths = new OriginDepths({
    triggers: {} as never,
    async getJobs(ids) {
      asked.push([...ids]);
      return ids.filter((each) => each in triggers).map((each) => ({ id: each, trigger: triggers[each] }) as JobRecord);
    },
  });
  return { asked, depths };
}

it("a job is as deep as that whose attempt submits it; who is no attempt begins anew, and is not looked for", async () => {
  const { asked, depths } = depthsOf({ [id(1)]: { type: "event", depth: 3 }, [id(2)]: undefined });
  const contexts = [undefined, within(id(1)), { tracestate: "v=1" } as TraceContext, within(id(2)), within(id(3))];
  expect(await depths.of([undefined])).toEqual([0]);
  expect(asked).toEqual([]);
  expect(await depths.of(contexts)).toEqual([0, 3, 0, 0, 0]);
  expect(asked).toEqual([[id(1), id(2), id(3)]]);
});

it("a job's depth is looked up once, unless the job was not there yet", async () => {
  const triggers: Record<string, JobTrigger | undefined> = { [id(1)]: { type: "event", depth: 3 } };
  const { asked, depths } = depthsOf(triggers);
  await depths.of([within(id(1)), within(id(2)), within(id(1))]);
  triggers[id(2)] = { type: "schedule", depth: 1 };
  expect(await depths.of([within(id(1)), within(id(2))])).toEqual([3, 1]);
  expect(asked).toEqual([[id(1), id(2)], [id(2)]]);
});

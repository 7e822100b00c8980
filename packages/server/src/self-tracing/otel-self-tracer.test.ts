import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { SpanloomError } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { idOf, linkedIds, recordingTracer } from "./testing/recording-tracer.ts";

const CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("a call", () => {
  it("is in the caller's trace, of kind SERVER", () => {
    const { tracer, spans } = recordingTracer();
    tracer
      .call("Service/Method", { traceparent: CALLER, tracestate: "a=b" }, { "rpc.system.name": "grpc" })
      .end({ more: 1 });
    const [span] = spans();
    expect(span?.spanContext().traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(span?.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
    expect(span?.spanContext().traceState?.serialize()).toBe("a=b");
    expect(span?.kind).toBe(SpanKind.SERVER);
    expect(span?.attributes).toEqual({ "rpc.system.name": "grpc", more: 1 });
  });

  it("begins a trace when the caller names none, or one that is malformed", () => {
    const { tracer, spans } = recordingTracer();
    tracer.call("a", {}, {}).end();
    tracer.call("b", { traceparent: "00-nonsense" }, {}).end();
    expect(spans().map((span) => span.parentSpanContext)).toEqual([undefined, undefined]);
  });

  it("is recorded as the caller says, whatever the ratio is", () => {
    const { tracer, spans } = recordingTracer(0);
    tracer.call("recorded", { traceparent: CALLER }, {}).end();
    tracer.call("not", { traceparent: CALLER.replace(/01$/, "00") }, {}).end();
    tracer.call("own trace", {}, {}).end();
    expect(spans().map(({ name }) => name)).toEqual(["recorded"]);
  });
});

describe("parts", () => {
  it("belong to what goes on, across awaits, and to nothing else", async () => {
    const { tracer, named } = recordingTracer();
    const call = tracer.call("call", {}, {});
    await tracer.run(call, async () => {
      await Promise.resolve();
      tracer.part("part").end();
      tracer.own("own").end();
    });
    tracer.part("alone").end();
    call.end();
    expect(named("part")[0]?.parentSpanContext?.spanId).toBe(idOf(named("call")[0]!));
    expect(named("own")[0]?.parentSpanContext).toBeUndefined();
    expect(named("alone")[0]?.parentSpanContext).toBeUndefined();
  });

  it("of what was discarded are not recorded, and nor are theirs", () => {
    const { tracer, spans } = recordingTracer();
    const call = tracer.call("call", {}, {});
    const before = tracer.run(call, () => tracer.part("before"));
    call.discard();
    tracer.run(call, () => {
      const part = tracer.part("after");
      tracer.run(part, () => tracer.part("deeper").end());
      part.end();
    });
    before.end();
    call.end();
    expect(spans()).toEqual([]);
  });
});

describe("what is done for several", () => {
  it("is a part of the first that is recorded, with links to the others, once each", () => {
    const { tracer, named } = recordingTracer(0);
    const call = (name: string, flags: string) => tracer.call(name, { traceparent: CALLER.replace(/01$/, flags) }, {});
    const calls = [call("a", "00"), call("b", "01"), call("c", "01")];
    const late = call("d", "01");
    const shared = tracer.shared("shared", [undefined, ...calls, ...calls]);
    shared.join([...calls, late]);
    for (const each of [shared, ...calls, late]) each.end();
    const [span] = named("shared");
    expect(span?.parentSpanContext?.spanId).toBe(idOf(named("b")[0]!));
    expect(linkedIds(span!)).toEqual([idOf(named("c")[0]!), idOf(named("d")[0]!)]);
  });

  it("is recorded for itself when nobody asked, and not when nobody who asked is recorded", () => {
    const { tracer, spans } = recordingTracer();
    tracer.shared("for itself", [undefined]).end();
    tracer.shared("for one", [tracer.call("call", { traceparent: CALLER.replace(/01$/, "00") }, {}), undefined]).end();
    expect(spans().map(({ name }) => name)).toEqual(["for itself"]);
  });

  it("is not linked to its own parts that join it", () => {
    const { tracer, named } = recordingTracer();
    const shared = tracer.shared("shared", []);
    const part = tracer.run(shared, () => tracer.part("part"));
    shared.join([part, shared]);
    shared.end();
    expect(named("shared")[0]?.links).toEqual([]);
  });
});

describe("an error", () => {
  it("is an exception event; a failure sets the status, too", () => {
    const { tracer, named } = recordingTracer();
    const no = tracer.own("no");
    no.note(new SpanloomError("JOB_NOT_FOUND", 'cannot find job: no job has id "x"'));
    no.end();
    const failed = tracer.own("failed");
    failed.fail(new TypeError("broken"));
    failed.end();
    expect(named("no")[0]?.status.code).toBe(SpanStatusCode.UNSET);
    expect(named("no")[0]?.attributes).toEqual({ "error.type": "JOB_NOT_FOUND" });
    const [event] = named("failed")[0]?.events ?? [];
    expect(event?.name).toBe("exception");
    expect(event?.attributes).toMatchObject({
      "exception.type": "TypeError",
      "exception.message": "broken",
      "exception.stacktrace": expect.stringContaining("TypeError: broken"),
    });
    expect(named("failed")[0]?.status).toEqual({ code: SpanStatusCode.ERROR, message: "broken" });
  });

  it("may be no Error at all", () => {
    const { tracer, spans } = recordingTracer();
    const span = tracer.own("odd");
    span.fail("just text");
    span.end();
    expect(spans()[0]?.events[0]?.attributes?.["exception.message"]).toBe("just text");
  });
});

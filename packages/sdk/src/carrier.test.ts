import { context, createTraceState, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import {
  activeCarrier,
  contextOfCarrier,
  createCarrier,
  extractEnvironment,
  extractHeaders,
  injectEnvironment,
  injectHeaders,
  type TraceCarrier,
} from "./carrier.ts";
import { readVectors } from "./testing/vectors.ts";

interface CarrierVector {
  name: string;
  carrier: TraceCarrier;
  written?: TraceCarrier;
  baggage?: Record<string, string>;
}

const vectors = readVectors<{ carriers: CarrierVector[] }>("trace-context");

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const full = { traceparent, tracestate: "vendor=a,other=b", baggage: "user=42,team=red%20one" };

describe("a trace carrier", () => {
  it.each(vectors.carriers)("becomes a context and comes back: $name", ({ carrier, written, baggage }) => {
    const made = contextOfCarrier(carrier);
    expect(activeCarrier(made)).toEqual(written ?? carrier);
    for (const [key, value] of Object.entries(baggage ?? {})) {
      expect(propagation.getBaggage(made)?.getEntry(key)?.value).toBe(value);
    }
  });

  it("keeps the properties of baggage, and what is odd in it", () => {
    const baggage = "user=42;private;ttl=3,odd=50%,empty=,=nameless,nonsense";
    const carrier = { traceparent, baggage };
    expect(activeCarrier(contextOfCarrier(carrier))).toEqual({
      traceparent,
      baggage: "user=42;private;ttl=3,odd=50%25,empty=",
    });
    expect(propagation.getBaggage(contextOfCarrier(carrier))?.getEntry("odd")?.value).toBe("50%");
  });

  it("takes the place of another as a whole, and none leaves it alone", () => {
    const stale = { Traceparent: "00-x", TraceState: "old=1", baggage: "old=1", accept: "text/plain" };
    expect(injectHeaders({ ...stale }, { traceparent })).toEqual({ traceparent, accept: "text/plain" });
    expect(injectHeaders({ ...stale })).toEqual(stale);
    const environment = { TRACEPARENT: "00-x", TRACESTATE: "old=1", BAGGAGE: "old=1", HOME: "/" };
    expect(injectEnvironment({ ...environment }, { traceparent, tracestate: "new=1" })).toEqual({
      TRACEPARENT: traceparent,
      TRACESTATE: "new=1",
      HOME: "/",
    });
    expect(injectEnvironment({ ...environment })).toEqual(environment);
  });

  it("reads the active span without any propagator", () => {
    const span = trace.wrapSpanContext({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      traceFlags: 1,
      traceState: createTraceState("k=v"),
    });
    const active = propagation.setBaggage(
      trace.setSpan(ROOT_CONTEXT, span),
      propagation.createBaggage({ a: { value: "ä" } }),
    );
    expect(activeCarrier(active)).toEqual({ traceparent, tracestate: "k=v", baggage: "a=%C3%A4" });
    expect(activeCarrier(context.active())).toBeUndefined();
  });

  it("travels in headers of any spelling", () => {
    expect(injectHeaders({ accept: "*/*" }, full)).toEqual({ accept: "*/*", ...full });
    expect(extractHeaders({ TraceParent: traceparent, Tracestate: ["vendor=a", "other=b"] })).toEqual({
      traceparent,
      tracestate: "vendor=a,other=b",
    });
    expect(extractHeaders(new Headers(full))).toEqual(full);
    expect(extractHeaders({ traceparent: "nonsense" })).toBeUndefined();
  });

  it("travels in message metadata, whose values may be bytes", () => {
    const metadata: Record<string, string | Uint8Array | undefined> = { key: new Uint8Array([255]), none: undefined };
    for (const [name, value] of Object.entries(injectHeaders({}, full))) metadata[name] = Buffer.from(value);
    expect(extractHeaders(metadata)).toEqual(full);
    expect(extractHeaders({ traceparent: [Buffer.from(traceparent)] })).toEqual({ traceparent });
    expect(extractHeaders({ traceparent: 7 as never, tracestate: null as never })).toBeUndefined();
  });

  it("travels in environment variables", () => {
    const environment = injectEnvironment({ PATH: "/bin" }, full);
    expect(environment).toEqual({
      PATH: "/bin",
      TRACEPARENT: traceparent,
      TRACESTATE: full.tracestate,
      BAGGAGE: full.baggage,
    });
    expect(extractEnvironment(environment)).toEqual(full);
    expect(extractEnvironment({})).toBeUndefined();
  });

  it("writes nothing without a span", () => {
    expect(injectHeaders({})).toEqual({});
  });

  it("can start a trace of its own", () => {
    const one = createCarrier();
    expect(one.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(createCarrier(false).traceparent).toMatch(/-00$/);
    expect(createCarrier().traceparent).not.toBe(one.traceparent);
  });
});

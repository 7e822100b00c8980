import type { IncomingMessage, ServerResponse } from "node:http";
import { type DescMessage, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { type ConnectRouter, createContextKey, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  HeartbeatRequestSchema,
  RegisterRunnerRequestSchema,
  RunnerService,
  TaskService,
  UnregisterRunnerRequestSchema,
} from "@spanloom/protocol";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  LogsService,
  TraceService,
} from "@spanloom/protocol/otlp";
import type { JsonObject } from "../cases/template.ts";
import { LeaseDesk } from "./lease-desk.ts";
import { type AnyRequest, type AnyResponse, cutOff, LoopbackListener } from "./loopback-listener.ts";
import { type OtlpPayloads, receiveOtlp } from "./otlp-receiver.ts";
import { ServerRecord } from "./server-record.ts";
import type { ServerSettings } from "./server-settings.ts";
import { withUnknownFields } from "./unknown-fields.ts";

const requestKey = createContextKey<AnyRequest | undefined>(undefined);

/**
 * A server that does what a case says: leases the tasks it is given, takes results, and misbehaves when it is told to.
 *
 * It speaks Connect, gRPC, gRPC-Web, JSON and OTLP on one port of loopback, and keeps to the protocol in what no case changes:
 * telemetry first, then results, then leases; long polls sleep until there is work; results without the lease are stale.
 */
export class ScriptedServer implements AsyncDisposable {
  readonly record = new ServerRecord();
  readonly desk: LeaseDesk;
  readonly #settings: ServerSettings;
  readonly #listener: LoopbackListener;
  readonly #closing = new AbortController();
  #url = "";

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.desk = new LeaseDesk(settings, this.record);
    const handler = connectNodeAdapter({
      routes: (router) => this.#route(router),
      contextValues: (request) => createContextValues().set(requestKey, request),
      shutdownSignal: this.#closing.signal,
    });
    this.#listener = new LoopbackListener(
      (request, response) =>
        this.#takesOtlp(request, response) || handler(request as IncomingMessage, response as ServerResponse),
      () => this.record.changed(),
    );
  }

  /** Base URL. */
  get url(): string {
    return this.#url;
  }

  /** Connections refused while it was away. */
  get refusedConnections(): number {
    return this.#listener.refused;
  }

  /** Listens. */
  async start(): Promise<void> {
    this.#url = await this.#listener.start();
  }

  /** Away: all connections are closed, and each new one at once. */
  setAway(away: boolean): void {
    this.#listener.setCut(away);
  }

  /** Ends. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the scripted server ends"));
    await this.#listener[Symbol.asyncDispose]();
  }

  #takesOtlp(request: AnyRequest, response: AnyResponse): boolean {
    return receiveOtlp(request, response, {
      away: () => this.desk.refusing,
      taken: (payloads) => this.#addTelemetry(payloads),
      refused: (error) => this.record.addDefect(`telemetry that is no OTLP: ${error.message}`),
    });
  }

  #addTelemetry(payloads: OtlpPayloads): void {
    this.record.addTelemetry(payloads);
    this.record.changed();
  }

  #route(router: ConnectRouter): void {
    router.service(RunnerService, {
      registerRunner: (request) => {
        this.desk.mayRefuse();
        const json = jsonOf(RegisterRunnerRequestSchema, request);
        this.record.registrations.push((json.runner as JsonObject | undefined) ?? {});
        this.record.changed();
        return this.#answer(this.desk.registered());
      },
      unregisterRunner: (request) => {
        this.record.unregistrations.push(jsonOf(UnregisterRunnerRequestSchema, request));
        this.record.changed();
        return {};
      },
      listRunners: () => ({}),
      drainRunner: () => ({}),
    });
    router.service(TaskService, {
      leaseTasks: async (request, context) => {
        const answer = await this.desk.lease(request, context.signal);
        if (answer === "lost") return this.#loseAnswer(context);
        return this.#answer(answer);
      },
      heartbeat: (request) => {
        this.desk.mayRefuse();
        this.record.heartbeats.push(jsonOf(HeartbeatRequestSchema, request));
        this.record.addTelemetry(request.telemetry);
        const answer = this.desk.heartbeat(request);
        this.record.changed();
        return this.#answer(answer);
      },
      listDependencyOutputs: (request) => this.#answer(this.desk.dependencyPage(request)),
    });
    this.#routeOtlp(router);
  }

  #routeOtlp(router: ConnectRouter): void {
    router.service(TraceService, {
      export: (request) => {
        this.desk.mayRefuse();
        this.#addTelemetry({ traces: [toBinary(ExportTraceServiceRequestSchema, request)], logs: [] });
        return {};
      },
    });
    router.service(LogsService, {
      export: (request) => {
        this.desk.mayRefuse();
        this.#addTelemetry({ traces: [], logs: [toBinary(ExportLogsServiceRequestSchema, request)] });
        return {};
      },
    });
  }

  #loseAnswer(context: HandlerContext): never {
    const request = context.values.get(requestKey);
    if (request) cutOff(request);
    throw new Error("the answer was lost, as the case says");
  }

  #answer<Answer extends Message>(answer: Answer): Answer {
    return this.#settings.unknownFields ? withUnknownFields(answer) : answer;
  }
}

/** A message as cases see it: with the names of `proto/`, without gaps, and without the bytes of telemetry. */
function jsonOf<Desc extends DescMessage>(schema: Desc, message: Message): JsonObject {
  const json = toJson(schema, message as never, { useProtoFieldName: true, alwaysEmitImplicit: true }) as JsonObject;
  const { telemetry: _, ...rest } = json;
  return rest;
}

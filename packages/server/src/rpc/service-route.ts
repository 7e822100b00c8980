import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { unimplemented } from "./error-interceptor.ts";

/** A service and what serves it. */
export interface ServiceRoute {
  service: DescService;
  /** By local name; methods without an entry answer UNIMPLEMENTED. */
  handlers: Readonly<Record<string, MethodHandler>>;
}

/** Handlers of some of a service's methods. */
export type Handlers<Desc extends DescService> = Partial<ServiceImpl<Desc>>;

/** Any handler; the service's descriptor says which kind. */
export type MethodHandler = (request: never, context: never) => unknown;

/** Binds handlers to a service; the compiler checks that they fit its methods. */
export function serviceRoute<Desc extends DescService>(service: Desc, handlers: Handlers<Desc>): ServiceRoute {
  return { service, handlers: handlers as Readonly<Record<string, MethodHandler>> };
}

/** What serves a method: its handler, or one that answers UNIMPLEMENTED with a reason. */
export function handlerOf(route: ServiceRoute, method: DescMethod): MethodHandler {
  return (
    route.handlers[method.localName] ??
    (() => {
      throw unimplemented(`${method.parent.typeName}/${method.name}`);
    })
  );
}

/** Registers services with a Connect router as they are; used in memory. */
export function registerServices(router: ConnectRouter, routes: readonly ServiceRoute[]): void {
  for (const route of routes) {
    const entries = route.service.methods.map((method) => [method.localName, handlerOf(route, method)]);
    router.service(route.service, Object.fromEntries(entries) as Partial<ServiceImpl<DescService>>);
  }
}

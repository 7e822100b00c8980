import { EventService } from "@spanloom/protocol";
import type { TriggerStore } from "../store/trigger-store.ts";
import { type EventCallOptions, eventCalls } from "./event-calls.ts";
import { type ServiceRoute, serviceRoute } from "./service-route.ts";
import { type WebhookServiceOptions, webhookHandlers } from "./webhook-service.ts";

/** What EventService needs; without a store of triggers its calls answer UNIMPLEMENTED. */
export type EventServiceOptions = WebhookServiceOptions &
  Omit<EventCallOptions, "triggers"> & { store: { readonly triggers?: TriggerStore } };

/** EventService over a store. */
export function eventService(options: EventServiceOptions): ServiceRoute {
  const { triggers } = options.store;
  return serviceRoute(EventService, {
    ...(triggers && eventCalls({ ...options, triggers })),
    ...webhookHandlers(options),
  });
}

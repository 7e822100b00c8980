import { EventService } from "@spanloom/protocol";
import { type ServiceRoute, serviceRoute } from "./service-route.ts";
import { type WebhookServiceOptions, webhookHandlers } from "./webhook-service.ts";

/** EventService over a store. */
export function eventService(options: WebhookServiceOptions): ServiceRoute {
  return serviceRoute(EventService, { ...webhookHandlers(options) });
}

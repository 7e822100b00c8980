import type { Attributes } from "./metric-set.ts";

/** Whose metrics they are. */
export interface MetricsResource {
  /** `service.name` unless `attributes` has another. */
  serviceName: string;
  serviceVersion: string;
  /** Tells this process from others of the same service. */
  instanceId: string;
  /** Attributes of the resource, over those above. */
  attributes: Attributes;
  /** Static tags: attributes of the resource too, and in Prometheus' text of every series. */
  tags: Attributes;
}

/** Attributes of the resource that metrics are told with. */
export function resourceAttributes({ serviceName, serviceVersion, instanceId, attributes, tags }: MetricsResource) {
  return {
    "service.name": serviceName,
    "service.version": serviceVersion,
    "service.instance.id": instanceId,
    ...attributes,
    ...tags,
  };
}

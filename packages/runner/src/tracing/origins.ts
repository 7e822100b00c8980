import type { InstrumentationScope } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import { encodeResource, encodeScope } from "./encode-request.ts";
import type { Origin } from "./record-block.ts";

/**
 * Encodes each resource and scope once, however many spans come from them.
 *
 * Several runners of one process share a tracer provider and so its resource; spans of that resource are given the
 * runner's own, which names its service and its id.
 */
export class Origins {
  readonly #own: Resource;
  readonly #shared: Resource;
  readonly #resources = new WeakMap<Resource, Uint8Array>();
  readonly #scopes = new WeakMap<InstrumentationScope, Uint8Array>();
  readonly #origins = new WeakMap<Resource, WeakMap<InstrumentationScope, Origin>>();

  constructor(own: Resource, shared: Resource) {
    this.#own = own;
    this.#shared = shared;
  }

  /** The origin of what a scope of a resource emits; the same object for the same pair. */
  of(resource: Resource, scope: InstrumentationScope): Origin {
    const key = resource === this.#shared ? this.#own : resource;
    const byScope = getOrMake(this.#origins, key, () => new WeakMap<InstrumentationScope, Origin>());
    return getOrMake(byScope, scope, () => ({ resource: this.#resource(key), scope: this.#scope(scope) }));
  }

  /** The runner's own resource. */
  get resource(): Resource {
    return this.#own;
  }

  /** The origin of what the runner itself emits under a scope. */
  own(scope: InstrumentationScope): Origin {
    return this.of(this.#own, scope);
  }

  #resource(resource: Resource): Uint8Array {
    return getOrMake(this.#resources, resource, () => encodeResource(resource.attributes));
  }

  #scope(scope: InstrumentationScope): Uint8Array {
    return getOrMake(this.#scopes, scope, () => encodeScope(scope));
  }
}

function getOrMake<Key extends object, Value>(map: WeakMap<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

import { type TracerProvider, trace } from "@opentelemetry/api";
import { tracesAttemptsOnly } from "@spanloom/sdk";

/** Tracer providers that the application has named itself, the latest last; they count before the registered one. */
const named: TracerProvider[] = [];
let changes = 0;

/** How often providers were named or forgotten: whether one has Spanloom's processor may have changed with it. */
export function providerChanges(): number {
  return changes;
}

/** Names a provider as the application's; returns how to undo it. */
export function nameProvider(provider: TracerProvider): () => void {
  named.push(provider);
  changes++;
  return () => {
    changes++;
    const at = named.lastIndexOf(provider);
    if (at >= 0) named.splice(at, 1);
  };
}

/** The application's tracer provider as of now: the one it has named, else the one it has registered. */
export function applicationProvider(): TracerProvider | undefined {
  return named.at(-1) ?? registeredProvider();
}

let seen: TracerProvider | undefined;
let isApplications = false;

/**
 * The provider that the application has registered, whenever it did; undefined while there is none but a runner's.
 *
 * Asked for each span, so that what was found out of a provider is kept until there is another.
 */
export function registeredProvider(): TracerProvider | undefined {
  const registered = trace.getTracerProvider();
  const provider = delegateOf(registered);
  if (provider !== seen) {
    seen = provider;
    isApplications = isReal(registered);
  }
  return isApplications ? provider : undefined;
}

/** The provider that this one is or stands for; undefined for a proxy that stands for none, or for a runner's. */
export function providerBehind(provider: TracerProvider): TracerProvider | undefined {
  return isReal(provider) ? delegateOf(provider) : undefined;
}

function isReal(provider: TracerProvider): boolean {
  return !(tracesAttemptsOnly in delegateOf(provider)) && !isNoProvider(provider);
}

/** What a proxy of OpenTelemetry's API stands for, of any copy of it; a provider itself. */
function delegateOf(provider: TracerProvider): TracerProvider {
  return "getDelegate" in provider ? (provider.getDelegate as () => TracerProvider)() : provider;
}

/** Without a registration the API gives a proxy that stands for nothing yet. */
function isNoProvider(provider: TracerProvider): boolean {
  return (
    "getDelegateTracer" in provider && (provider.getDelegateTracer as (name: string) => unknown)("probe") === undefined
  );
}

import { type ComponentType, useEffect, useState } from "react";
import { ErrorState, LoadingRows } from "./notice.tsx";

/** A component whose code is loaded when it is first shown, or asked for before. */
export interface LazyComponent<Props> {
  /** Undefined until its code has come. */
  readonly loaded: ComponentType<Props> | undefined;
  /** Loads it, once; after it failed, again. */
  load: () => Promise<void>;
}

/** Describes a component of a module that is loaded on demand. */
export function lazyComponent<Props>(load: () => Promise<ComponentType<Props>>): LazyComponent<Props> {
  let loading: Promise<void> | undefined;
  const lazy: { loaded: ComponentType<Props> | undefined; load: () => Promise<void> } = {
    loaded: undefined,
    load: () => {
      loading ??= load().then(
        (component) => {
          lazy.loaded = component;
        },
        (error: unknown) => {
          loading = undefined;
          throw error;
        },
      );
      return loading;
    },
  };
  return lazy;
}

/** Begins to load a component that will be wanted. */
export function preload(component: Pick<LazyComponent<never>, "load">): void {
  // Why it fails is told by where it is shown, which loads it again.
  component.load().catch(() => undefined);
}

/**
 * Shows a component as soon as its code is there.
 *
 * A `Suspense` of React holds what follows a fallback back until 300 ms after the fallback was shown, however early the
 * code came: every tab would take that long.
 */
export function LazyView<Props extends object>({ of, props }: { of: LazyComponent<Props>; props: Props }) {
  const [state, setState] = useState<{ of?: LazyComponent<Props>; error?: unknown }>({});
  const { error } = state.of === of ? state : {};
  const [tries, setTries] = useState(0);
  const Loaded = of.loaded;
  const missing = Loaded === undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another try begins anew.
  useEffect(() => {
    if (!missing) return;
    let shown = true;
    of.load().then(
      () => shown && setState({ of }),
      (reason: unknown) => shown && setState({ of, error: reason }),
    );
    return () => {
      shown = false;
    };
  }, [of, missing, tries]);
  if (Loaded) return <Loaded {...props} />;
  if (error === undefined) return <LoadingRows />;
  return (
    <ErrorState
      error={error}
      onRetry={() => {
        setState({});
        setTries(tries + 1);
      }}
    />
  );
}

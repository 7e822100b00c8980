let spare: Worker | undefined;

/**
 * Starts a worker that waits for its job. Its code is a third of a second away where nothing is cached: it comes while the
 * page still asks for the job.
 */
export function startSpareWorker(): void {
  spare ??= newWorker();
}

/** The worker that waits, or a new one. It is the caller's to end. */
export function takeWorker(): Worker {
  const taken = spare ?? newWorker();
  spare = undefined;
  return taken;
}

function newWorker(): Worker {
  return new Worker(new URL("./waterfall-worker.ts", import.meta.url), { type: "module" });
}

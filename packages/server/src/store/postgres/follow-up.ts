import type { NewTaskSet } from "../store.ts";
import { displaceHolders, failRejected } from "./admit.ts";
import { runClosings } from "./cascade.ts";
import { serveClaims } from "./claim.ts";
import type { Control } from "./control.ts";
import { runSweeps } from "./doom.ts";
import { leavePlaces } from "./job-places.ts";
import { reopenGates, turnWindows } from "./reopen-gates.ts";

/** Follows up everything that ended until nothing is left to follow up. */
export async function settleEnds(control: Control): Promise<void> {
  do {
    await runSweeps(control);
    await runClosings(control);
    await failRejected(control);
    await leavePlaces(control);
  } while (control.sweeps.length + control.closing.length + control.rejected.length > 0);
}

/** Follows up what ended before tasks are inserted of which some may be refused a place: all that ended is to be free. */
export async function settleRefusing(control: Control, { specs }: NewTaskSet): Promise<void> {
  if (specs.some(({ concurrency }) => concurrency?.policy === "rejectNew")) await settleEnds(control);
}

/** Follows up what operations did, then serves their claims. */
export async function followUp(control: Control): Promise<void> {
  await settleEnds(control);
  await reopenGates(control);
  // A clock that was set back begins another window, which no timer waits for.
  if (control.wentBack) await turnWindows(control);
  await serveClaims(control);
  await displaceHolders(control);
}

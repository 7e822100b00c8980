import { triggers } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { showToast } from "../../state/toasts.ts";
import { randomKey } from "../../text/random-key.ts";

/** A schedule or a trigger, by its kind and name. */
export interface Definition {
  kind: "schedule" | "trigger";
  name: string;
}

/** Lets it fire no more until it is resumed. Errors: what the server refuses. */
export async function pauseDefinition({ kind, name }: Definition, reason: string): Promise<void> {
  if (kind === "schedule") await triggers.pauseSchedule({ name, reason });
  else await triggers.pauseTrigger({ name, reason });
  showToast("good", `Paused ${name}`);
}

/** Lets it fire again, and says how it went. Never rejects. */
export async function resumeDefinition({ kind, name }: Definition): Promise<void> {
  try {
    if (kind === "schedule") await triggers.resumeSchedule({ name });
    else await triggers.resumeTrigger({ name });
    showToast("good", `${name} fires again`);
  } catch (error) {
    showToast("bad", errorText(error).message);
  }
}

/** Fires a schedule beside its times, and says how it went. Never rejects. */
export async function fireSchedule(name: string): Promise<void> {
  try {
    const { firing } = await triggers.fireSchedule({ name, idempotencyKey: randomKey() });
    if (firing?.jobId) showToast("good", `Fired ${name}`, `/jobs/${firing.jobId}`);
    else showToast("bad", `${name} submitted nothing: ${firing?.error || "the server did not say why"}`);
  } catch (error) {
    showToast("bad", errorText(error).message);
  }
}

import type { Runner } from "@spanloom/protocol";
import { useState } from "react";
import { runners } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { showToast } from "../../state/toasts.ts";
import { Dialog } from "../../widgets/dialog.tsx";

/** Asks whether to drain a runner. */
export function DrainDialog({ runner, onClose, onDone }: { runner: Runner; onClose: () => void; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const drain = async () => {
    setBusy(true);
    try {
      await runners.drainRunner({ runnerId: runner.id });
      showToast("good", `${runner.host} ${runner.pid} finishes what it has and takes nothing more`);
      onDone();
      onClose();
    } catch (error) {
      setProblem(errorText(error).message);
      setBusy(false);
    }
  };
  const has = runner.running === 1 ? "the task" : `the ${runner.running.toLocaleString()} tasks`;
  return (
    <Dialog
      title={`Drain the runner on ${runner.host}?`}
      action="Drain it"
      tone="danger"
      {...{ busy, problem, onClose }}
      onSubmit={() => void drain()}
    >
      <p>
        {runner.running > 0 ? `It finishes ${has} it runs, and` : "It runs nothing now, and"} is given no other. Then it
        ends, if it was started with <code>spanloom-runner</code>; a program of your own is told by{" "}
        <code>runner.drained</code>.
      </p>
      <p>There is no way back but to start a runner anew.</p>
    </Dialog>
  );
}

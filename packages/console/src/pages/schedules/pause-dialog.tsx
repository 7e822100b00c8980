import { useState } from "react";
import { errorText } from "../../rpc/error-text.ts";
import { Dialog } from "../../widgets/dialog.tsx";
import { TextField } from "../../widgets/field.tsx";
import { type Definition, pauseDefinition } from "./steer-definition.ts";

/** Asks whether to pause a schedule or trigger, and why. */
export function PauseDialog({ of, onClose, onDone }: { of: Definition; onClose: () => void; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const pause = async () => {
    setBusy(true);
    try {
      await pauseDefinition(of, reason);
      onDone();
      onClose();
    } catch (error) {
      setProblem(errorText(error).message);
      setBusy(false);
    }
  };
  const passes = of.kind === "schedule" ? "Times" : "Events";
  return (
    <Dialog title={`Pause ${of.name}?`} action="Pause" {...{ busy, problem, onClose }} onSubmit={() => void pause()}>
      <p>{passes} that come until it is resumed submit nothing, and are not made up for. Its jobs run on.</p>
      <TextField label="Reason" value={reason} onChange={setReason} placeholder="shown with it" />
    </Dialog>
  );
}

import type { TestTriggerResponse, Trigger } from "@spanloom/protocol";
import { useState } from "react";
import { triggers } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { payloadBytes, payloadText } from "../../text/payload.ts";
import { CodeField, TextField } from "../../widgets/field.tsx";

/** What was typed led to this. */
type Outcome = { answer: TestTriggerResponse } | { problem: string };

/** Tells what a trigger would do with an event, without an event or a job being made. */
export function TryEvent({ trigger }: { trigger: Trigger }) {
  const [key, setKey] = useState(() => sampleKey(trigger.keyPattern));
  const [payload, setPayload] = useState("{}");
  const [outcome, setOutcome] = useState<Outcome>();
  const test = async () => {
    try {
      const { name, keyPattern, filter, job, input, inputTask } = trigger;
      const definition = { name, keyPattern, filter, input, inputTask, ...(job && { job }) };
      const event = { key, payload: payloadBytes(payload) };
      setOutcome({ answer: await triggers.testTrigger({ trigger: definition, event }) });
    } catch (error) {
      const isInput = error instanceof SyntaxError;
      setOutcome({ problem: isInput ? `The payload is no JSON: ${error.message}` : errorText(error).message });
    }
  };
  return (
    <details className="submits">
      <summary>Try an event</summary>
      <form
        className="try-event"
        onSubmit={(event) => {
          event.preventDefault();
          void test();
        }}
      >
        <TextField label="Key" value={key} onChange={setKey} required />
        <CodeField label="Payload, as JSON" value={payload} onChange={setPayload} />
        <div className="actions">
          <button type="submit" className="button">
            Try it
          </button>
        </div>
        {outcome && <TryOutcome outcome={outcome} />}
      </form>
    </details>
  );
}

function TryOutcome({ outcome }: { outcome: Outcome }) {
  if ("problem" in outcome) {
    return (
      <p className="problem" role="alert">
        {outcome.problem}
      </p>
    );
  }
  const { matches, error, job } = outcome.answer;
  if (error !== "") {
    return (
      <p className="problem" role="alert">
        {error}
      </p>
    );
  }
  if (!matches) return <p role="status">It would not fire.</p>;
  return (
    <div role="status">
      <p>It would submit {job?.name || "a job"} with</p>
      {job?.tasks?.groups.flatMap(({ inputs }) =>
        inputs.map((input, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: they stay in their places.
          <pre key={at} className="output">
            {payloadText(input) || "no input"}
          </pre>
        )),
      )}
    </div>
  );
}

/** A key that a pattern takes. */
function sampleKey(pattern: string): string {
  return pattern.replaceAll("**", "any").replaceAll("*", "any");
}

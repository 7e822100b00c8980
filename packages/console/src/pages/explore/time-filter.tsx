import { periods } from "../../text/periods.ts";
import { exactTime } from "../../text/time-text.ts";
import { localInput, parseLocalInput } from "./local-input.ts";
import { MOST_BUCKETS, steps } from "./time-span.ts";
import type { Explore } from "./use-explore.ts";

/** The time that is shown: a period up to now, all there is, or from one moment to another; and the step of charts. */
export function TimeFilter({ explore: { view, show, time, stepMs } }: { explore: Explore }) {
  const absolute = view.from !== "";
  const choose = (name: string) => {
    if (name !== "own") show({ period: name, from: "", to: "" });
    else if (time) show({ period: "", from: String(Math.floor(time.fromMs)), to: String(Math.ceil(time.toMs)) });
  };
  const lengthMs = time ? time.toMs - time.fromMs : 0;
  return (
    <>
      <select
        aria-label="Time"
        value={absolute ? "own" : view.period}
        title={time && `${exactTime(time.fromMs)} – ${exactTime(time.toMs)}`}
        onChange={({ target }) => choose(target.value)}
      >
        {periods.map(({ name, text }) => (
          <option key={name} value={name}>
            in the last {text}
          </option>
        ))}
        <option value="all">at any time</option>
        <option value="own">from … to …</option>
      </select>
      {absolute && (
        <>
          <Moment label="From" value={view.from} onChange={(from) => show({ from })} />
          <Moment label="To" value={view.to} onChange={(to) => show({ to })} />
        </>
      )}
      <select aria-label="Step" value={view.step} onChange={({ target }) => show({ step: target.value })}>
        <option value="">step: auto{view.step === "" && stepText(stepMs)}</option>
        {steps
          .filter(({ ms }) => lengthMs / ms <= MOST_BUCKETS)
          .filter(({ ms }) => lengthMs / ms >= 2)
          .map(({ name }) => (
            <option key={name} value={name}>
              step: {name}
            </option>
          ))}
      </select>
    </>
  );
}

/** The step that the page chose. */
function stepText(stepMs: number): string {
  const name = steps.find(({ ms }) => ms === stepMs)?.name;
  return name === undefined ? "" : `, ${name}`;
}

function Moment({ label, value, onChange }: { label: string; value: string; onChange: (ms: string) => void }) {
  return (
    <input
      type="datetime-local"
      step="0.001"
      aria-label={label}
      className="moment"
      value={localInput(value)}
      onChange={({ target }) => {
        const ms = parseLocalInput(target.value);
        if (ms !== undefined) onChange(String(ms));
      }}
    />
  );
}

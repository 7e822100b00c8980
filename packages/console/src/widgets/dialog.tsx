import { type FormEvent, type ReactNode, useEffect, useId, useRef } from "react";

/** What a dialog asks. */
export interface DialogProps {
  title: string;
  /** What the button that does it says. */
  action: string;
  tone?: "normal" | "danger";
  /** While it is being done nothing can be pressed twice. */
  busy: boolean;
  /** Why it could not be done. */
  problem: string | undefined;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A form over the page. The browser keeps the focus within, and Escape closes it. */
export function Dialog({ title, action, tone = "normal", busy, problem, onSubmit, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => dialog.current?.showModal(), []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) onSubmit();
  };
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={titleId} onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id={titleId}>{title}</h2>
        <div className="dialog-body">{children}</div>
        {problem !== undefined && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button
            type="submit"
            className={`button ${tone === "danger" ? "button-danger" : "button-main"}`}
            disabled={busy}
          >
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}

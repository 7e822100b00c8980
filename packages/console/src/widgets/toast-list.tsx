import { Link } from "wouter";
import { dismissToast, toasts } from "../state/toasts.ts";
import { useValue } from "../state/value-store.ts";

/** What was done last, in the corner; read aloud as it comes. */
export function ToastList() {
  const shown = useValue(toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, tone, text, href }) => (
        <div key={id} className={`toast toast-${tone}`}>
          <span>{text}</span>
          {href && <Link href={href}>Open</Link>}
          <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => dismissToast(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}

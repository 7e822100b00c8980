import { showToast } from "../state/toasts.ts";

/** Puts a text on the clipboard. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      showToast("good", `Copied the ${label}`);
    } catch {
      // Browsers let no page that came over plain HTTP from another machine write there: the text can be taken by hand.
      showToast("bad", `This browser does not let the page copy: ${text}`);
    }
  };
  return (
    <button
      type="button"
      className="icon-button"
      onClick={copy}
      aria-label={`Copy the ${label}`}
      title={`Copy the ${label}`}
    >
      <svg viewBox="0 0 16 16" width={14} height={14} aria-hidden="true" fill="none" stroke="currentColor">
        <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
        <path d="M10.5 3.5v-1h-8v8h1" />
      </svg>
    </button>
  );
}

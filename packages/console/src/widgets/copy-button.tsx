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
      ⧉
    </button>
  );
}

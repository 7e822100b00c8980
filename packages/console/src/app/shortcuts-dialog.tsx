import { useEffect, useRef } from "react";
import { navigation } from "./navigation.ts";

/** Tells the keys. */
export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="dialog" aria-label="Keys" onClose={onClose}>
      <h2>Keys</h2>
      <dl className="keys">
        {navigation.map(({ path, label, key }) => (
          <Keys key={path} keys={["g", key]} does={`go to ${label}`} />
        ))}
        <Keys keys={["/"]} does="search" />
        <Keys keys={["j"]} does="next row" />
        <Keys keys={["k"]} does="row before" />
        <Keys keys={["?"]} does="these keys" />
      </dl>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

function Keys({ keys, does }: { keys: readonly string[]; does: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{does}</dd>
    </div>
  );
}

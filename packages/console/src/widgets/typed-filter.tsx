import { useEffect, useState } from "react";

interface TypedFilterProps {
  id?: string;
  label: string;
  value: string;
  className?: string;
  onChange: (value: string) => void;
}

/** How long nothing is typed before it counts. */
const SETTLE_MS = 300;

/** A condition that is typed; it counts when the typing stops, so that no letter asks the server anew. */
export function TypedFilter({ id, label, value, className = "", onChange }: TypedFilterProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed starts the wait.
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      {...(id !== undefined && { id })}
      type="search"
      className={className}
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={(event) => event.key === "Enter" && onChange(text)}
    />
  );
}

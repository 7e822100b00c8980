import { useEffect, useState } from "react";

interface ConditionFieldProps {
  id?: string;
  label: string;
  value: string;
  /** What may be typed, when it is more than the label says. */
  hint?: string;
  wide?: boolean;
  /** Suggestions are those of the list with this id. */
  list?: string;
  onChange: (value: string) => void;
}

/** A condition that is typed. It counts with Enter, when the field is left, or when it is emptied: asking may cost much. */
export function ConditionField({ id, label, value, hint = label, wide = false, list, onChange }: ConditionFieldProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const commit = (typed: string) => {
    if (typed.trim() !== value) onChange(typed.trim());
  };
  return (
    <input
      {...(id !== undefined && { id })}
      {...(list !== undefined && { list })}
      type="search"
      className={wide ? "filter-wide" : ""}
      aria-label={label}
      placeholder={label}
      title={hint}
      value={text}
      onChange={({ target }) => {
        setText(target.value);
        if (target.value === "") commit("");
      }}
      onBlur={() => commit(text)}
      onKeyDown={({ key }) => key === "Enter" && commit(text)}
    />
  );
}

import { type ReactNode, useId } from "react";

/** A labelled place to type; `children` makes the control with the id that the label names. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: string;
  children: (id: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint && <small>{hint}</small>}
    </div>
  );
}

/** A line of text to type. */
export function TextField(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: string;
  placeholder?: string;
  required?: boolean;
  list?: string;
  type?: "text" | "datetime-local";
}) {
  const { label, hint, onChange, ...input } = props;
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      {(id) => <input id={id} {...input} autoComplete="off" onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}

/** A text of several lines to type, such as JSON. */
export function CodeField(props: { label: string; value: string; onChange: (value: string) => void; hint?: string }) {
  const { label, hint, value, onChange } = props;
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      {(id) => (
        <textarea
          id={id}
          className="code"
          rows={6}
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** Reads names of a generated enum's values; a value from a newer server reads as its number. */
export function enumNames<Name extends string>(values: Readonly<Record<Name, number>>): (value: number) => Name {
  const names = new Map<number, Name>();
  for (const [name, value] of Object.entries(values)) names.set(value as number, name as Name);
  return (value) => names.get(value) ?? (String(value) as Name);
}

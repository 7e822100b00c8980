const names: Readonly<Record<string, string>> = { nodejs: "TypeScript", python: "Python", go: "Go" };

/** What people call a language that OpenTelemetry names, e.g. TypeScript for `nodejs`. */
export function nameOf(language: string): string {
  return names[language] ?? language;
}

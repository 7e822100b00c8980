/** A statement of the store: constant text, values bound. */
export interface Statement {
  /** Prepared under this name, once per connection. */
  readonly name: string;
  readonly text: string;
  /** Otherwise it is planned anew each time, for the values of that time. */
  readonly prepared: boolean;
}

const statements = new Map<string, Statement>();

/**
 * Declares a statement. Every statement that the store runs in operation is declared here, at load time, so that the
 * test of query plans knows them all.
 */
export function statement(name: string, text: string, { prepared = true } = {}): Statement {
  if (statements.has(name)) throw new Error(`cannot declare statement "${name}": the name is taken`);
  const declared = { name, text, prepared };
  statements.set(name, declared);
  return declared;
}

/** All statements declared by the modules loaded so far. */
export function allStatements(): readonly Statement[] {
  return [...statements.values()];
}

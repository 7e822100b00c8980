/** The first text after all that begin with a prefix, byte by byte; but for those that go on with the last of characters. */
export function prefixEnd(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}

/** The end of an id, which differs where ids made in the same moment begin alike. */
export function shortId(id: string): string {
  return id.length > 12 ? id.slice(-12) : id;
}

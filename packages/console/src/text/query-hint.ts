/** What to do about a query that was refused, by what the catalogue calls it. */
const hints: Readonly<Record<string, string>> = {
  INVALID_FIELD: "Look at the filter: the text above names what is wrong with it.",
  UNSUPPORTED_QUERY: "This server cannot answer that: take the condition or column away that the text above names.",
  LIMIT_EXCEEDED: "Ask for less: group by something with fewer values, or look at a shorter time.",
  OVERLOADED: "Narrow the filter or the time, or try again when the server has less to do.",
  DEADLINE_EXCEEDED: "Narrow the filter or the time: there is more to read than the server could in this time.",
  TELEMETRY_UNAVAILABLE:
    "The server's store of spans is away or not open. Jobs go on without it; the server's log, or spanloom doctor, says why.",
  STORE_UNAVAILABLE:
    "Try again in a moment. Where nobody answered at all, the page asks again once the server is back.",
  SHUTTING_DOWN: "The server is being stopped. The page asks again when it is back.",
  PERMISSION_DENIED: "The token of the settings may not read: enter one with the scope read.",
  UNAUTHENTICATED: "Enter a token in the settings.",
};

/** What to do next about an error of a query; undefined when nothing is known that helps. */
export function queryHint(reason: string | undefined): string | undefined {
  return reason === undefined ? undefined : hints[reason];
}

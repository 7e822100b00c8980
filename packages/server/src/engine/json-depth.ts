/** Deeper than anything that is sent, and far from where recursion over it would run out of stack. */
export const MAX_JSON_DEPTH = 100;

/**
 * Whether text that may be JSON is nested deeper than {@link MAX_JSON_DEPTH}.
 *
 * To be asked before it is parsed: what is nested by the hundred thousand costs memory, recursion over it the program, and
 * expressions look at each level of it for each level above.
 */
export function isNestedTooDeep(text: string): boolean {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inText) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inText = false;
    } else if (code === QUOTE) inText = true;
    else if (code === BRACKET || code === BRACE) depth++;
    else if (code === BRACKET + 2 || code === BRACE + 2) depth--;
    if (depth > MAX_JSON_DEPTH) return true;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

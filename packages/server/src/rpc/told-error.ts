import { type ConnectError, createContextKey } from "@connectrpc/connect";

/** Holds what a caller was told went wrong, for whoever put it into the call's context values. */
export interface ErrorNote {
  error?: ConnectError;
}

/** Where the note is. */
export const errorNote = createContextKey<ErrorNote | undefined>(undefined, {
  description: "what the caller was told went wrong",
});

import { Link } from "wouter";
import { connection } from "../rpc/connection.ts";
import { token } from "../state/settings.ts";
import { useValue } from "../state/value-store.ts";

/** Says when the server is out of reach, or wants a token: what is on the page is then as old as the last answer. */
export function ConnectionBanner() {
  const state = useValue(connection);
  const kept = useValue(token);
  if (state === "offline") {
    return (
      <p className="banner" role="status">
        The server is out of reach. What you see is what it last said; the page goes on by itself when it is back.
      </p>
    );
  }
  if (state === "unauthorized") {
    return (
      <p className="banner" role="status">
        {kept === "" ? "The server wants a token." : "The server does not take this browser's token, or not any more."}{" "}
        <Link href="/settings">{kept === "" ? "Enter it in the settings" : "Enter another in the settings"}</Link>.
      </p>
    );
  }
  return null;
}

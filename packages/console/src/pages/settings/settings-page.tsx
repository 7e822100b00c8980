import { useState } from "react";
import { connection } from "../../rpc/connection.ts";
import { serverClock } from "../../rpc/server-clock.ts";
import { loadServerVersion } from "../../rpc/server-version.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { theme, token } from "../../state/settings.ts";
import { showToast } from "../../state/toasts.ts";
import { useValue } from "../../state/value-store.ts";
import { skewText } from "../../text/time-text.ts";
import { Fact } from "../../widgets/fact.tsx";
import { Field } from "../../widgets/field.tsx";

const connectionTexts = {
  unknown: "Not asked yet.",
  online: "The server answers.",
  offline: "The server is out of reach.",
  unauthorized: "The server wants a token, or does not know this one.",
} as const;

/** What the browser keeps: the token, and light or dark. */
export function SettingsPage() {
  return (
    <>
      <header className="page-head">
        <h1>Settings</h1>
      </header>
      <p className="quiet padded">Kept in this browser and nowhere else.</p>
      <TokenForm />
      <ThemeChoice />
      <ServerFacts />
    </>
  );
}

function TokenForm() {
  const kept = useValue(token);
  const state = useValue(connection);
  const [text, setText] = useState(kept);
  const save = (value: string) => {
    token.set(value.trim());
    setText(value.trim());
    showToast("good", value.trim() === "" ? "The token is forgotten" : "The token is kept in this browser");
  };
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        save(text);
      }}
    >
      <h2>Access</h2>
      <Field label="Token" hint="Sent with each call as a bearer token. A server without tokens needs none.">
        {(id) => (
          <input
            id={id}
            type="password"
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <p className={`connection connection-${state}`} role="status">
        {connectionTexts[state]}
      </p>
      <div className="actions">
        <button type="submit" className="button button-main">
          Keep
        </button>
        {kept !== "" && (
          <button type="button" className="button" onClick={() => save("")}>
            Forget it
          </button>
        )}
      </div>
    </form>
  );
}

const SERVER_MS = 10_000;

/** Which server the page is from, and how its clock stands. */
function ServerFacts() {
  const { data: version } = usePoll("server", SERVER_MS, loadServerVersion);
  return (
    <section className="card" aria-labelledby="server">
      <h2 id="server">Server</h2>
      <dl className="settings-facts">
        <Fact name="Address">{location.origin}</Fact>
        <Fact name="Version">{version ?? "–"}</Fact>
        <Fact name="Clock">{skewText(serverClock.offsetMs)}</Fact>
      </dl>
    </section>
  );
}

const themes = [
  { value: "", text: "As the system says" },
  { value: "light", text: "Light" },
  { value: "dark", text: "Dark" },
];

function ThemeChoice() {
  const chosen = useValue(theme);
  return (
    <fieldset className="card">
      <legend>Appearance</legend>
      {themes.map(({ value, text }) => (
        <label key={value} className="choice">
          <input type="radio" name="theme" checked={chosen === value} onChange={() => theme.set(value)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

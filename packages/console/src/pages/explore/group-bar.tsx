import { type FormEvent, useState } from "react";
import { Menu } from "../../widgets/menu.tsx";
import { formatList, parseList } from "./explore-view.ts";
import { type GroupKey, groupColumns, MOST_KEYS } from "./group-key.ts";
import { measures } from "./measures.ts";
import type { Explore } from "./use-explore.ts";

/** What spans are grouped by, and what groups are measured by. */
export function GroupBar({ explore, keys }: { explore: Explore; keys: readonly GroupKey[] }) {
  const { show } = explore;
  const texts = keys.map(({ text }) => text);
  const set = (group: readonly string[]) => show({ group: formatList(group), sort: "-count" });
  return (
    <header className="panel-head group-bar">
      <h2>Groups</h2>
      <span className="quiet">by</span>
      {keys.map(({ text, label }) => (
        <span key={text} className="group-chip">
          {label}
          <button
            type="button"
            className="icon-button"
            aria-label={`Do not group by ${label}`}
            onClick={() => set(texts.filter((each) => each !== text))}
          >
            ×
          </button>
        </span>
      ))}
      {keys.length < MOST_KEYS && <AddKey taken={texts} onAdd={(text) => set([...texts, text])} />}
      <MeasureMenu explore={explore} />
    </header>
  );
}

function AddKey({ taken, onAdd }: { taken: readonly string[]; onAdd: (text: string) => void }) {
  const [naming, setNaming] = useState(false);
  const [attribute, setAttribute] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    setNaming(false);
    setAttribute("");
    const key = attribute.trim().replaceAll(",", "");
    if (key !== "") onAdd(`@${key}`);
  };
  if (naming) {
    return (
      <form onSubmit={add} className="group-attribute">
        <input
          aria-label="Attribute to group by"
          placeholder="http.response.status_code"
          value={attribute}
          // biome-ignore lint/a11y/noAutofocus: it is there because somebody just asked for it.
          autoFocus
          onChange={({ target }) => setAttribute(target.value)}
          onKeyDown={({ key }) => key === "Escape" && setNaming(false)}
        />
        <button type="submit" className="button">
          Group
        </button>
      </form>
    );
  }
  return (
    <select
      aria-label="Group by"
      value=""
      onChange={({ target }) => (target.value === "@" ? setNaming(true) : onAdd(target.value))}
    >
      <option value="">{taken.length === 0 ? "choose…" : "and…"}</option>
      {groupColumns
        .filter(({ text }) => !taken.includes(text))
        .map(({ text, label }) => (
          <option key={text} value={text}>
            {label}
          </option>
        ))}
      <option value="@">Attribute…</option>
    </select>
  );
}

function MeasureMenu({ explore: { view, show } }: { explore: Explore }) {
  const chosen = parseList(view.measures);
  const toggle = (measure: string) => {
    const next = chosen.includes(measure) ? chosen.filter((each) => each !== measure) : [...chosen, measure];
    show({ measures: formatList(next) });
  };
  return (
    <Menu label="Measures">
      {() => (
        <fieldset className="menu-list">
          <legend className="hidden">Measures of groups</legend>
          {measures.map(({ measure, label }) => (
            <label key={measure} className="choice">
              <input
                type="checkbox"
                checked={measure === "count" || chosen.includes(measure)}
                disabled={measure === "count"}
                onChange={() => toggle(measure)}
              />
              {label}
            </label>
          ))}
        </fieldset>
      )}
    </Menu>
  );
}

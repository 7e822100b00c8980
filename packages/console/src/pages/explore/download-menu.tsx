import { bytesText } from "../../text/bytes-text.ts";
import { CopyButton } from "../../widgets/copy-button.tsx";
import { Menu } from "../../widgets/menu.tsx";
import { cliCommand } from "./cli-command.ts";
import { type DownloadFormat, downloadFormats } from "./download-messages.ts";
import { parseList } from "./explore-view.ts";
import { groupKeys } from "./group-key.ts";
import { askedMeasures, shownMeasures } from "./measures.ts";
import { type DownloadState, type DownloadWish, useDownload } from "./use-download.ts";
import type { Explore } from "./use-explore.ts";

const labels: Readonly<Record<DownloadFormat, string>> = { arrow: "Arrow", parquet: "Parquet", csv: "CSV" };

/** Offers the spans of the filter, or its groups, as a file. */
export function DownloadMenu({ explore, count }: { explore: Explore; count: number | undefined }) {
  const { state, start, cancel } = useDownload();
  const keys = groupKeys(explore.view);
  const begin = (wish: DownloadWish, close: () => void) => {
    close();
    void start(wish);
  };
  const { conditions, view, time } = explore;
  const aggregate = {
    groupBy: keys.map(({ input }) => input),
    measures: askedMeasures(shownMeasures(parseList(view.measures))),
  };
  return (
    <>
      <Menu label="Download">
        {(close) => (
          <>
            <Choices
              title={`Spans${count === undefined ? "" : `, ${count.toLocaleString()}`}, all columns`}
              disabled={!time || !count}
              onChoose={(format) => begin({ name: `spans.${format}`, format, conditions, total: count }, close)}
            />
            {keys.length > 0 && (
              <Choices
                title={`Groups by ${keys.map(({ label }) => label).join(", ")}, all of them`}
                disabled={!time || !count}
                onChoose={(format) =>
                  begin({ name: `groups.${format}`, format, conditions, aggregate, total: undefined }, close)
                }
              />
            )}
            <CommandLine command={cliCommand(view, location.origin)} />
          </>
        )}
      </Menu>
      {state && <DownloadCard state={state} onClose={cancel} />}
    </>
  );
}

/** The way to the same spans without a browser. */
function CommandLine({ command }: { command: string | undefined }) {
  if (command === undefined)
    return <p className="menu-note quiet">The command line has no word for one of these conditions.</p>;
  return (
    <p className="menu-note quiet">
      On the command line <CopyButton text={command} label="command" />
    </p>
  );
}

interface ChoicesProps {
  title: string;
  disabled: boolean;
  onChoose: (format: DownloadFormat) => void;
}

function Choices({ title, disabled, onChoose }: ChoicesProps) {
  return (
    <fieldset className="menu-choices">
      <legend>{title}</legend>
      {downloadFormats.map((format) => (
        <button key={format} type="button" className="button" disabled={disabled} onClick={() => onChoose(format)}>
          {labels[format]}
        </button>
      ))}
    </fieldset>
  );
}

function DownloadCard({ state, onClose }: { state: DownloadState; onClose: () => void }) {
  const { name, rows, bytes, total } = state;
  const done = state.state === "done";
  return (
    <section className="download" aria-label="Download">
      <p role="status">
        <b>{name}</b>{" "}
        {state.state === "failed" ? (
          <span className="span-failed">{state.problem}</span>
        ) : (
          <>
            {rows.toLocaleString()} {total !== undefined && !done && `of ${Math.max(total, rows).toLocaleString()} `}
            rows
            {bytes > 0 && `, ${bytesText(bytes)}`}
            {done && ": done"}
          </>
        )}
      </p>
      {state.state === "running" && (
        <progress
          aria-label={`Rows of ${name}`}
          {...(total !== undefined && { max: Math.max(1, total), value: Math.min(rows, total) })}
        />
      )}
      <button type="button" className="button" onClick={onClose}>
        {state.state === "running" ? "Cancel" : "Close"}
      </button>
    </section>
  );
}

import type { Trigger } from "@spanloom/protocol";
import { triggers } from "../../rpc/clients.ts";
import type { Column } from "../../widgets/data-table.tsx";
import { DefinitionList } from "./definition-list.tsx";

/** The triggers there are, by name. */
export function TriggerList() {
  return (
    <DefinitionList
      kind="trigger"
      label="Triggers"
      path="/schedules/triggers"
      load={async (asked, signal) => {
        const { triggers: rows, nextPageToken } = await triggers.listTriggers(asked, { signal });
        return { rows, nextPageToken };
      }}
      before={conditions}
      after={[]}
    >
      <p>
        A trigger submits a job for each event that it takes. Make one with{" "}
        <code>{"spanloom trigger put ship my-task --on 'order.paid'"}</code>, or from a program with{" "}
        <code>client.triggers.put</code>.
      </p>
    </DefinitionList>
  );
}

const conditions: readonly Column<Trigger>[] = [
  { name: "On", className: "mono", cell: ({ keyPattern }) => keyPattern },
  {
    name: "When",
    className: "mono clip",
    title: ({ filter }) => filter,
    cell: ({ filter }) => filter || <span className="quiet">always</span>,
  },
];

import { fromBinary } from "@bufbuild/protobuf";
import { type Limits, PutTriggerRequestSchema } from "@spanloom/protocol";
import { readTrigger, type TriggerDefinition } from "../engine/trigger/trigger-definition.ts";
import type { MatchTrigger } from "../matching/rule-batch.ts";
import type { DefinitionRecord, TriggerStore } from "../store/trigger-store.ts";

/** A trigger that takes events. */
export interface LiveTrigger extends MatchTrigger {
  name: string;
  revision: number;
  definition: TriggerDefinition;
}

/** What is needed to load triggers. */
export interface LoadedTriggersOptions {
  triggers: Pick<TriggerStore, "list">;
  limits: Limits;
  log: (line: string) => void;
}

const PAGE = 1_000;

/**
 * The triggers that are not paused, decoded once for each revision.
 *
 * I1. The array is another one whenever one of them changed, and the same while none did.
 */
export class LoadedTriggers {
  readonly #options: LoadedTriggersOptions;
  #live: readonly LiveTrigger[] = [];
  /** Revisions that cannot be read, by id: told once. */
  readonly #unreadable = new Map<string, number>();

  constructor(options: LoadedTriggersOptions) {
    this.#options = options;
  }

  /** Reads them anew. */
  async load(): Promise<readonly LiveTrigger[]> {
    const known = new Map(this.#live.map((trigger) => [trigger.id, trigger]));
    const live: LiveTrigger[] = [];
    for (const record of await this.#records()) {
      const before = known.get(record.id);
      const trigger = before?.revision === record.revision ? before : this.#decode(record);
      if (trigger) live.push(trigger);
    }
    const isSame = live.length === this.#live.length && live.every((trigger, place) => trigger === this.#live[place]);
    if (!isSame) this.#live = live;
    return this.#live;
  }

  async #records(): Promise<DefinitionRecord[]> {
    const records: DefinitionRecord[] = [];
    for (;;) {
      const after = records.at(-1)?.name;
      const page = await this.#options.triggers.list(
        { kind: "trigger", paused: false },
        { limit: PAGE, ...(after !== undefined && { after }) },
      );
      records.push(...page);
      if (page.length < PAGE) return records;
    }
  }

  /** undefined for what cannot be read: a server of a later version, or with higher limits, may have written it. */
  #decode({ id, name, revision, body }: DefinitionRecord): LiveTrigger | undefined {
    const { limits, log } = this.#options;
    try {
      const request = fromBinary(PutTriggerRequestSchema, body);
      const { keyPattern, filter, input } = request;
      return { id, name, revision, keyPattern, filter, input, definition: readTrigger(request, limits) };
    } catch (error) {
      if (this.#unreadable.get(id) === revision) return undefined;
      this.#unreadable.set(id, revision);
      log(`trigger "${name}" takes no events: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }
}

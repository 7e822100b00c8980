import { create } from "@bufbuild/protobuf";
import { type KeyValue, KeyValueSchema } from "@spanloom/protocol/otlp";
import type { ShapeOptions } from "./shape-options.ts";

/** Gives attributes as a backend is to have them; the same array when nothing changes. */
export type ShapeAttributes = (attributes: KeyValue[]) => KeyValue[];

/** How attributes of spans and log records, and of events and links, are changed; undefined when they are not. */
export interface AttributeShapes {
  readonly ofRecords: ShapeAttributes | undefined;
  readonly ofParts: ShapeAttributes | undefined;
  readonly ofResources: ShapeAttributes | undefined;
}

/** The changes that options ask for. */
export function attributeShapes(options: ShapeOptions): AttributeShapes {
  const { includeAttributes: include, excludeAttributes: exclude = [] } = options;
  const keeps = include || exclude.length > 0 ? keepsName(include, exclude) : undefined;
  const aliases = new Map(Object.entries(options.aliases ?? {}));
  const tags = textAttributes(options.tags);
  return {
    ofRecords: keeps || aliases.size > 0 || tags.length > 0 ? shapeOf(keeps, aliases, tags) : undefined,
    ofParts: keeps && shapeOf(keeps, new Map(), []),
    ofResources: overlay(textAttributes(options.resourceAttributes)),
  };
}

function shapeOf(
  keeps: ((name: string) => boolean) | undefined,
  aliases: ReadonlyMap<string, string>,
  tags: readonly KeyValue[],
): ShapeAttributes {
  const tagged = overlay(tags);
  return (attributes) => {
    const kept = keeps ? attributes.filter(({ key }) => keeps(key)) : [...attributes];
    for (const attribute of attributes) {
      const alias = aliases.get(attribute.key);
      if (alias !== undefined) kept.push({ ...attribute, key: alias });
    }
    return tagged ? tagged(kept) : kept;
  };
}

/** Puts attributes over others of the same names. */
function overlay(given: readonly KeyValue[]): ShapeAttributes | undefined {
  if (given.length === 0) return undefined;
  const names = new Set(given.map(({ key }) => key));
  return (attributes) => [...attributes.filter(({ key }) => !names.has(key)), ...given];
}

function textAttributes(values: Readonly<Record<string, string>> = {}): KeyValue[] {
  return Object.entries(values).map(([key, value]) =>
    create(KeyValueSchema, { key, value: { value: { case: "stringValue", value } } }),
  );
}

/** Whether a name is kept. Names repeat from span to span, so each is matched once. */
function keepsName(include: readonly string[] | undefined, exclude: readonly string[]): (name: string) => boolean {
  const [wanted, unwanted] = [include?.map(patternOf), exclude.map(patternOf)];
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const keeps = (!wanted || wanted.some((each) => each.test(name))) && !unwanted.some((each) => each.test(name));
    if (known.size < MAX_KNOWN_NAMES) known.set(name, keeps);
    return keeps;
  };
}

/** Names come from anywhere; what is remembered of them is bounded. */
const MAX_KNOWN_NAMES = 10_000;

function patternOf(glob: string): RegExp {
  const pieces = glob.split("*").map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${pieces.join(".*")}$`, "su");
}

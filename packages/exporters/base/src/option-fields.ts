import type { ExporterOptions } from "./configure.ts";
import type { OtlpPresetOptions, OtlpSignalOptions } from "./otlp/otlp-options.ts";
import { otlpProtocols } from "./otlp/otlp-options.ts";
import type { ShapeOptions } from "./shape/shape-options.ts";

/**
 * What a value in a configuration file may be.
 *
 * - `text`, `number`, `boolean`: as in JSON. A text may be `{ "env": "NAME" }` instead: what that variable holds.
 * - `list`: texts. `texts`: texts by name.
 * - `oneOf`: one of these texts, or what `or` allows.
 * - `each`: a list of such values. `fields`: an object with these names and no others.
 * - `code`: functions and objects, which only a program, or a file that is one, can give.
 * - `any`: taken as it is; whoever takes it checks it.
 */
export type OptionField =
  | "text"
  | "number"
  | "boolean"
  | "list"
  | "texts"
  | "code"
  | "any"
  | { readonly oneOf: readonly string[]; readonly or?: OptionField }
  | { readonly each: OptionField }
  | { readonly fields: OptionFieldsByName };

/** Fields by name. */
export type OptionFieldsByName = Readonly<Record<string, OptionField>>;

/**
 * Every option of a package and what it may be, for configuration files: a module that exports it as `optionFields` has
 * its options checked by name and kind; to others they are given as they stand.
 */
export type OptionFields<Options> = { readonly [Name in keyof Required<Options>]: OptionField };

/** The fields of {@link ShapeOptions}. In a file `workflow` stands for `workflowAliases`. */
export const shapeFields: OptionFields<ShapeOptions> = {
  lifecycle: { oneOf: ["full", "attempts"] },
  tasks: "code",
  aliases: { oneOf: ["workflow"], or: "texts" },
  includeAttributes: "list",
  excludeAttributes: "list",
  resourceAttributes: "texts",
  tags: "texts",
  sampling: { oneOf: ["always", "parent"], or: "number" },
};

/** The fields of {@link ExporterOptions}. */
export const exporterFields: OptionFields<ExporterOptions> = { shape: { fields: shapeFields } };

/** The fields of what packages over OTLP can be told of a signal's connection. */
export const otlpSignalFields: OptionFields<OtlpSignalOptions> = {
  endpoint: "text",
  protocol: { oneOf: otlpProtocols },
  insecure: "boolean",
  headers: "texts",
  compression: { oneOf: ["gzip", "none"] },
  timeoutMs: "number",
  tls: { fields: { ca: "text", cert: "text", key: "text" } },
};

const { protocol: _, ...presetFields } = otlpSignalFields;

/** The fields of {@link OtlpPresetOptions}. */
export const otlpPresetFields: OptionFields<OtlpPresetOptions> = { ...presetFields, ...exporterFields };

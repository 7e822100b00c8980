// Loaded before a program: OpenTelemetry's instrumentations of HTTP, set up as their documentation says, ESM included.
import { createRequire, register } from "node:module";
import { pathToFileURL } from "node:url";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";

const http = createRequire(import.meta.url).resolve("@opentelemetry/instrumentation-http");
register(pathToFileURL(createRequire(http).resolve("@opentelemetry/instrumentation/hook.mjs")));
// Constructing them enables them.
new HttpInstrumentation();
new UndiciInstrumentation();

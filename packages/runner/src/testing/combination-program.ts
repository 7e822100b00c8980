// An application of ES modules.
import * as api from "@opentelemetry/api";
import * as current from "@opentelemetry/sdk-trace-node";
import * as sdk from "@spanloom/sdk";
import * as earlier from "sdk-trace-node-1";
import * as runner from "../index.ts";
import { runCombination } from "./run-combination.ts";

await runCombination({ api, earlier, current, sdk, runner }, process.argv.slice(2));

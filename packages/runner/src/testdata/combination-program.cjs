// The same application in CommonJS.
const { runCombination } = require("../testing/run-combination.ts");

const modules = {
  api: require("@opentelemetry/api"),
  earlier: require("sdk-trace-node-1"),
  current: require("@opentelemetry/sdk-trace-node"),
  sdk: require("@spanloom/sdk"),
  runner: require("@spanloom/runner"),
};
void runCombination(modules, process.argv.slice(2));

// The demo's tasks in a runner that exports, too, as its environment says.
import { configureOtlp } from "@spanloom/exporter-otlp";

export { auditFiles } from "../../tasks/audit-files.ts";
export { auditPackage } from "../../tasks/audit-package.ts";
export { listPackages } from "../../tasks/list-packages.ts";
export { mergeReport } from "../../tasks/merge-report.ts";

configureOtlp();

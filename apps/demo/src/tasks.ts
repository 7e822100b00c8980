// What a runner of the demo can do.
export { auditFiles } from "./tasks/audit-files.ts";
export { auditPackage } from "./tasks/audit-package.ts";
export { listPackages } from "./tasks/list-packages.ts";
export { mergeReport } from "./tasks/merge-report.ts";

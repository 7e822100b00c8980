export { ClickHouseSpanStore } from "./clickhouse-span-store.ts";
export { checkClickHouseUrl } from "./clickhouse-url.ts";

import { browserKeeper, KeptValue } from "./kept-value.ts";

const keeper = browserKeeper();

/** The bearer token that calls carry; empty means none. */
export const token = new KeptValue("spanloom.token", keeper);

/** `light`, `dark`, or empty for what the system says. */
export const theme = new KeptValue("spanloom.theme", keeper);

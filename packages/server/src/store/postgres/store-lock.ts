/** Class of the advisory lock that every writing transaction takes; its second half is the schema's. */
const LOCK_CLASS = 0x5350_4c4d;

/** Takes the store's lock until the end of the transaction. */
export const TAKE_STORE_LOCK = `SELECT pg_advisory_xact_lock(${LOCK_CLASS}, hashtext(current_schema()))`;

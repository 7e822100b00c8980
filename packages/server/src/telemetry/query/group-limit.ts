/** Most groups of one aggregate: the answer is some 20 MB then, and a wrong key does not take the engine's memory. */
export const MAX_GROUPS = 100_000;

/** Column of {@link groupLimitSql}, beside the groups. */
export const groupCountSql = "count() OVER () AS group_count";

/**
 * A condition on groups that refuses them all when there are too many.
 *
 * `groupLimitSettings` stops the engine earlier, as soon as one thread alone has too many.
 */
export const groupLimitSql = `throwIf(group_count > ${MAX_GROUPS}) = 0`;

/** Settings of the statement part that makes the groups. */
export const groupLimitSettings = `max_rows_to_group_by = ${MAX_GROUPS}, group_by_overflow_mode = 'throw'`;

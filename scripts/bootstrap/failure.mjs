/** What npm and pnpm print, and what it means for the person in front of it. First match wins. */
const causes = [
  {
    pattern: /\bENOSPC\b|no space left on device/i,
    text: "the disk is full; about 2 GB are needed for node_modules and pnpm's store",
  },
  {
    pattern:
      /\b(EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|META_FETCH_FAIL)\b|dns error|error sending request/i,
    text: "the npm registry cannot be reached; check the network, and `npm config get registry` and proxy settings",
  },
  {
    pattern: /OUTDATED_LOCKFILE|lockfile is not up to date/i,
    text: "pnpm-lock.yaml does not match a package.json; run `pnpm install` and commit the lockfile",
  },
  {
    pattern: /\b(E404|NO_MATCHING_VERSION)\b|404 Not Found/,
    text: "the npm registry does not have a package that pnpm-lock.yaml names (see above)",
  },
  { pattern: /\b(EACCES|EPERM|EROFS)\b/, text: "a folder cannot be written (see above)" },
];

/**
 * One sentence on why an install failed.
 *
 * @param {string} output all that the install printed
 * @param {number} code its exit code
 * @returns {string}
 */
export function explainInstallFailure(output, code) {
  const cause = causes.find(({ pattern }) => pattern.test(output));
  return `cannot install dependencies: ${cause ? cause.text : `pnpm ended with exit code ${code} (see above)`}`;
}

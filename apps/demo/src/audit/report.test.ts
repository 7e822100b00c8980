import { expect, test } from "vitest";
import type { PackageFinding } from "./package-finding.ts";
import { type AuditedPackage, buildReport } from "./report.ts";

function audited(name: string, files: Record<string, string>, rest: Partial<PackageFinding> = {}): AuditedPackage {
  const hashed = Object.entries(files).map(([path, sha256]) => ({
    path,
    bytes: 10,
    inode: `1:${name}/${path}`,
    sha256,
  }));
  const finding: PackageFinding = {
    path: name,
    name,
    version: "1.0.0",
    licence: "MIT",
    files: hashed.length,
    bytes: hashed.length * 10,
    manifestError: "",
    problems: [],
    hashes: [],
    ...rest,
  };
  return { finding, files: hashed };
}

test("packages come largest first and totals add up", () => {
  const { packages, totals } = buildReport("/d", [audited("a", { x: "1" }), audited("b", { x: "2", y: "3" })], []);
  expect(packages.map(({ path }) => path)).toEqual(["b", "a"]);
  expect(totals).toMatchObject({ packages: 2, files: 3, bytes: 30 });
});

test("only content shared by different packages is a duplicate", () => {
  const { duplicates, totals } = buildReport(
    "/d",
    [audited("a", { x: "same", y: "mine", z: "mine" }), audited("b", { x: "same" }), audited("c", { x: "same" })],
    [],
  );
  expect(duplicates).toEqual([{ sha256: "same", bytes: 10, wastedBytes: 20, copies: ["a/x", "b/x", "c/x"] }]);
  expect(totals).toMatchObject({ duplicateFiles: 2, wastedBytes: 20 });
});

test("names of one file on disk are duplicates that waste nothing", () => {
  const [a, b] = [audited("a", { x: "same" }), audited("b", { x: "same" })];
  const linked = { ...b, files: b.files.map((file) => ({ ...file, inode: "1:a/x" })) };
  expect(buildReport("/d", [a, linked], []).duplicates).toMatchObject([{ wastedBytes: 0, copies: ["a/x", "b/x"] }]);
});

test("files that could not be read are listed and are no duplicates of each other", () => {
  const report = buildReport("/d", [audited("a", { x: "" }), audited("b", { x: "" })], []);
  expect(report.unreadableFiles).toEqual(["a/x", "b/x"]);
  expect(report.duplicates).toEqual([]);
});

test("licences are counted, the absent one too, and broken manifests named", () => {
  const report = buildReport(
    "/d",
    [audited("a", {}), audited("b", {}), audited("c", {}, { licence: "", manifestError: "cannot parse it" })],
    ["linked"],
  );
  expect(report.licences).toEqual([
    { licence: "MIT", packages: ["a", "b"] },
    { licence: "", packages: ["c"] },
  ]);
  expect(report.brokenManifests).toEqual([{ path: "c", name: "c", error: "cannot parse it" }]);
  expect(report.linkedOutside).toEqual(["linked"]);
});

test("the order in which packages were audited does not show", () => {
  const [a, b] = [audited("a", { x: "same" }), audited("b", { x: "same" })];
  expect(buildReport("/d", [a, b], [])).toEqual(buildReport("/d", [b, a], []));
});

package report_test

import (
	"encoding/json"
	"slices"
	"testing"

	"spanloom.dev/demo/report"
)

func audited(path, licence string, files ...report.HashedFile) report.Audited {
	finding := report.Finding{Path: path, Name: path, Version: "1.0.0", Licence: licence, Files: len(files)}
	for _, file := range files {
		finding.Bytes += file.Bytes
	}
	return report.Audited{Finding: finding, Files: files}
}

func TestContentOfSeveralPackagesIsADuplicateAndLinkedFilesWasteNothing(t *testing.T) {
	made := report.Build("/modules", []report.Audited{
		audited("a", "MIT",
			report.HashedFile{Path: "one", Bytes: 10, Inode: "1:1", Sha256: "copied"},
			report.HashedFile{Path: "two", Bytes: 7, Inode: "1:2", Sha256: "linked"},
			report.HashedFile{Path: "empty", Bytes: 0, Inode: "1:3", Sha256: "none"}),
		audited("b", "MIT",
			report.HashedFile{Path: "one", Bytes: 10, Inode: "1:4", Sha256: "copied"},
			report.HashedFile{Path: "two", Bytes: 7, Inode: "1:2", Sha256: "linked"},
			report.HashedFile{Path: "empty", Bytes: 0, Inode: "1:5", Sha256: "none"}),
	}, nil)
	var hashes []string
	for _, each := range made.Duplicates {
		hashes = append(hashes, each.Sha256)
	}
	if !slices.Equal(hashes, []string{"copied", "linked"}) {
		t.Fatalf("duplicates are %v", hashes)
	}
	if made.Totals.WastedBytes != 10 || made.Totals.DuplicateFiles != 2 || made.Totals.Bytes != 34 {
		t.Errorf("totals are %+v", made.Totals)
	}
	if copies := made.Duplicates[0].Copies; !slices.Equal(copies, []string{"a/one", "b/one"}) {
		t.Errorf("copies are %v", copies)
	}
}

func TestPackagesAreSortedBySizeAndLicencesByHowCommonTheyAre(t *testing.T) {
	large := audited("z", "ISC", report.HashedFile{Path: "f", Bytes: 99, Inode: "1:1", Sha256: "x"})
	made := report.Build("/modules", []report.Audited{audited("b", "MIT"), audited("a", "MIT"), large}, nil)
	var paths []string
	for _, each := range made.Packages {
		paths = append(paths, each.Path)
	}
	if !slices.Equal(paths, []string{"z", "a", "b"}) {
		t.Errorf("packages are %v", paths)
	}
	if first := made.Licences[0]; first.Licence != "MIT" || !slices.Equal(first.Packages, []string{"a", "b"}) {
		t.Errorf("the most common licence is %+v", first)
	}
}

func TestBrokenManifestsAndUnreadableFilesAreNamed(t *testing.T) {
	broken := audited("a", "", report.HashedFile{Path: "f", Bytes: 1, Inode: "1:1"})
	broken.Finding.ManifestError = "cannot parse it"
	made := report.Build("/modules", []report.Audited{broken}, []string{"workspace"})
	if len(made.BrokenManifests) != 1 || made.BrokenManifests[0].Error != "cannot parse it" {
		t.Errorf("broken manifests are %+v", made.BrokenManifests)
	}
	if !slices.Equal(made.UnreadableFiles, []string{"a/f"}) || !slices.Equal(made.LinkedOutside, []string{"workspace"}) {
		t.Errorf("unreadable are %v, linked outside %v", made.UnreadableFiles, made.LinkedOutside)
	}
}

func TestAReportOfNothingHasListsAndNoNulls(t *testing.T) {
	data, err := json.Marshal(report.Build("/modules", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"dir":"/modules","totals":{"packages":0,"files":0,"bytes":0,"duplicateFiles":0,"wastedBytes":0,` +
		`"brokenManifests":0,"unreadableFiles":0},"packages":[],"duplicates":[],"licences":[],"brokenManifests":[],` +
		`"unreadableFiles":[],"linkedOutside":[]}`
	if string(data) != want {
		t.Errorf("a report of nothing is %s", data)
	}
}

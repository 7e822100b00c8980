// Package report merges what the audits of packages found into one report. Its JSON is that of apps/demo/src/audit/report.ts.
package report

import (
	"cmp"
	"maps"
	"slices"
)

// Finding is what the audit of one package found.
type Finding struct {
	// Path from the audited folder; unique.
	Path string `json:"path"`
	// Name by its place.
	Name string `json:"name"`
	// Version and Licence are empty when the manifest has none, or is broken.
	Version string `json:"version"`
	Licence string `json:"licence"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	// ManifestError is why the manifest could not be used; empty when it could.
	ManifestError string   `json:"manifestError"`
	Problems      []string `json:"problems"`
	// Hashes are the work files that hold the hashes of its files.
	Hashes []string `json:"hashes"`
}

// HashedFile is a file of a package and the SHA-256 of its content, which is empty when the file could not be read.
type HashedFile struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	Inode  string `json:"inode"`
	Sha256 string `json:"sha256"`
}

// Audited is a package with the hashes of its files.
type Audited struct {
	Finding Finding
	Files   []HashedFile
}

// Report of an audit.
type Report struct {
	// Dir is the audited folder.
	Dir    string `json:"dir"`
	Totals Totals `json:"totals"`
	// Packages, the largest first.
	Packages []Package `json:"packages"`
	// Duplicates, the most wasteful first.
	Duplicates []Duplicate `json:"duplicates"`
	// Licences, the most common first; an empty one is one that nobody stated.
	Licences        []Licence        `json:"licences"`
	BrokenManifests []BrokenManifest `json:"brokenManifests"`
	// UnreadableFiles could not be hashed.
	UnreadableFiles []string `json:"unreadableFiles"`
	// LinkedOutside are links that lead out of the audited folder.
	LinkedOutside []string `json:"linkedOutside"`
}

// Totals of a report.
type Totals struct {
	Packages        int   `json:"packages"`
	Files           int   `json:"files"`
	Bytes           int64 `json:"bytes"`
	DuplicateFiles  int   `json:"duplicateFiles"`
	WastedBytes     int64 `json:"wastedBytes"`
	BrokenManifests int   `json:"brokenManifests"`
	UnreadableFiles int   `json:"unreadableFiles"`
}

// Package is a package in a report.
type Package struct {
	Path     string   `json:"path"`
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Licence  string   `json:"licence"`
	Files    int      `json:"files"`
	Bytes    int64    `json:"bytes"`
	Problems []string `json:"problems"`
}

// Duplicate is content that several packages have.
type Duplicate struct {
	Sha256 string `json:"sha256"`
	// Bytes of one copy.
	Bytes int64 `json:"bytes"`
	// WastedBytes are what all copies but one take on disk; names of one linked file take it once.
	WastedBytes int64 `json:"wastedBytes"`
	// Copies are where it is, as "package path/file path".
	Copies []string `json:"copies"`
}

// Licence is a licence and the packages that have it.
type Licence struct {
	Licence  string   `json:"licence"`
	Packages []string `json:"packages"`
}

// BrokenManifest is a manifest that could not be used.
type BrokenManifest struct {
	Path  string `json:"path"`
	Name  string `json:"name"`
	Error string `json:"error"`
}

// Build merges the findings of all packages, whose order does not matter.
func Build(dir string, audited []Audited, linkedOutside []string) Report {
	made := Report{
		Dir:             dir,
		Packages:        []Package{},
		Duplicates:      duplicates(audited),
		BrokenManifests: []BrokenManifest{},
		UnreadableFiles: []string{},
		LinkedOutside:   append([]string{}, linkedOutside...),
	}
	for _, each := range audited {
		finding := each.Finding
		made.Packages = append(made.Packages, reported(finding))
		if finding.ManifestError != "" {
			broken := BrokenManifest{Path: finding.Path, Name: finding.Name, Error: finding.ManifestError}
			made.BrokenManifests = append(made.BrokenManifests, broken)
		}
		for _, file := range each.Files {
			if file.Sha256 == "" {
				made.UnreadableFiles = append(made.UnreadableFiles, finding.Path+"/"+file.Path)
			}
		}
	}
	slices.SortFunc(made.Packages, func(a, b Package) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	slices.SortFunc(made.BrokenManifests, func(a, b BrokenManifest) int { return cmp.Compare(a.Path, b.Path) })
	slices.Sort(made.UnreadableFiles)
	made.Licences = licences(made.Packages)
	made.Totals = made.total()
	return made
}

func (r Report) total() Totals {
	totals := Totals{
		Packages:        len(r.Packages),
		BrokenManifests: len(r.BrokenManifests),
		UnreadableFiles: len(r.UnreadableFiles),
	}
	for _, each := range r.Packages {
		totals.Files += each.Files
		totals.Bytes += each.Bytes
	}
	for _, each := range r.Duplicates {
		totals.DuplicateFiles += len(each.Copies) - 1
		totals.WastedBytes += each.WastedBytes
	}
	return totals
}

func reported(finding Finding) Package {
	return Package{
		Path: finding.Path, Name: finding.Name, Version: finding.Version, Licence: finding.Licence,
		Files: finding.Files, Bytes: finding.Bytes, Problems: append([]string{}, finding.Problems...),
	}
}

// content is a file's content, wherever it was found.
type content struct {
	bytes    int64
	packages map[string]bool
	inodes   map[string]bool
	copies   []string
}

// duplicates gives content found in at least two packages. Empty files are equal by nature and waste nothing.
func duplicates(audited []Audited) []Duplicate {
	bySha256 := map[string]*content{}
	for _, each := range audited {
		for _, file := range each.Files {
			if file.Sha256 == "" || file.Bytes == 0 {
				continue
			}
			found, known := bySha256[file.Sha256]
			if !known {
				found = &content{bytes: file.Bytes, packages: map[string]bool{}, inodes: map[string]bool{}}
				bySha256[file.Sha256] = found
			}
			found.packages[each.Finding.Path] = true
			found.inodes[file.Inode] = true
			found.copies = append(found.copies, each.Finding.Path+"/"+file.Path)
		}
	}
	made := []Duplicate{}
	for sha256, found := range bySha256 {
		if len(found.packages) < 2 {
			continue
		}
		wasted := found.bytes * int64(len(found.inodes)-1)
		copies := slices.Sorted(slices.Values(found.copies))
		made = append(made, Duplicate{Sha256: sha256, Bytes: found.bytes, WastedBytes: wasted, Copies: copies})
	}
	slices.SortFunc(made, func(a, b Duplicate) int {
		return cmp.Or(cmp.Compare(b.WastedBytes, a.WastedBytes), cmp.Compare(a.Sha256, b.Sha256))
	})
	return made
}

func licences(packages []Package) []Licence {
	byLicence := map[string][]string{}
	for _, each := range packages {
		byLicence[each.Licence] = append(byLicence[each.Licence], each.Path)
	}
	made := []Licence{}
	for _, licence := range slices.Sorted(maps.Keys(byLicence)) {
		paths := slices.Sorted(slices.Values(byLicence[licence]))
		made = append(made, Licence{Licence: licence, Packages: paths})
	}
	slices.SortStableFunc(made, func(a, b Licence) int { return cmp.Compare(len(b.Packages), len(a.Packages)) })
	return made
}

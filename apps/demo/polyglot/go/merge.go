package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	spanloom "spanloom.dev/go"

	"spanloom.dev/demo/report"
)

// mergeInput is the input of the merge. All runners must see these folders under the same paths.
type mergeInput struct {
	Dir           string   `json:"dir"`
	WorkDir       string   `json:"workDir"`
	ReportPath    string   `json:"reportPath"`
	LinkedOutside []string `json:"linkedOutside"`
}

// auditPackage runs in Python, see ../python.
var auditPackage = spanloom.Declare[spanloom.None, report.Finding]("audit-package", "1.0")

// mergeReport merges what the audits of all packages found and writes the report. Output: its totals.
var mergeReport = spanloom.NewTask("merge-report", merge,
	spanloom.WithRetry(spanloom.Retry{MaxAttempts: 3, InitialDelay: 200 * time.Millisecond}))

func merge(ctx context.Context, input mergeInput) (report.Totals, error) {
	findings, err := spanloom.OutputsOf(ctx, auditPackage)
	if err != nil {
		return report.Totals{}, err
	}
	var audited []report.Audited
	err = spanloom.InSpan(ctx, "read hashes", func(ctx context.Context) error {
		audited, err = readHashes(ctx, input.WorkDir, findings)
		return err
	})
	if err != nil {
		return report.Totals{}, err
	}
	var made report.Report
	err = spanloom.InSpan(ctx, "merge", func(ctx context.Context) error {
		made = report.Build(input.Dir, audited, input.LinkedOutside)
		spanloom.Logger(ctx).InfoContext(ctx, "merged the findings", "duplicates", made.Totals.DuplicateFiles)
		return ctx.Err()
	})
	if err != nil {
		return report.Totals{}, err
	}
	if err := write(ctx, input.ReportPath, made); err != nil {
		return report.Totals{}, err
	}
	spanloom.Logger(ctx).InfoContext(ctx, "wrote the report", "path", input.ReportPath, "packages", made.Totals.Packages)
	return made.Totals, nil
}

func readHashes(ctx context.Context, workDir string, findings []report.Finding) ([]report.Audited, error) {
	audited := make([]report.Audited, 0, len(findings))
	for _, finding := range findings {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		each := report.Audited{Finding: finding}
		for _, name := range finding.Hashes {
			var files []report.HashedFile
			if err := readWork(workDir, name, &files); err != nil {
				return nil, err
			}
			each.Files = append(each.Files, files...)
		}
		audited = append(audited, each)
		if err := spanloom.Progress(ctx, "packages", uint64(len(audited)), uint64(len(findings))); err != nil {
			return nil, err
		}
	}
	return audited, nil
}

// readWork reads what another task left in the work folder.
func readWork(workDir, name string, into any) error {
	data, err := os.ReadFile(filepath.Join(workDir, name))
	if err != nil {
		return fmt.Errorf("cannot read work file %q: %w", name, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("cannot read work file %q: %w", name, err)
	}
	return nil
}

// write writes the report whole or not at all: beside its place, and renamed, also when two attempts race.
func write(ctx context.Context, path string, made report.Report) error {
	info, err := spanloom.TaskInfo(ctx)
	if err != nil {
		return err
	}
	data, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	draft := fmt.Sprintf("%s.%s-%d.draft", path, info.TaskID, info.Attempt)
	if err := os.WriteFile(draft, data, 0o644); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		os.Remove(draft)
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

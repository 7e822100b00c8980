// Package documents tests that the Go of the documentation compiles and runs.
package documents

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"spanloom.dev/go/internal/testserver"
)

var snippet = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

func TestMain(m *testing.M) { os.Exit(testserver.Run(m)) }

// program builds the snippets of a page, and more Go, as one program of this module, each a file of its own.
func program(t *testing.T, page string, more ...string) (path string) {
	t.Helper()
	folder := t.TempDir()
	module, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found := snippet.FindAllSubmatch(text, -1)
	if len(found) == 0 {
		t.Fatalf("%s has no Go", page)
	}
	for _, each := range found {
		more = append(more, string(each[1]))
	}
	files := map[string]string{}
	for index, code := range more {
		name := fmt.Sprintf("snippet%d.go", index)
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte("package main\n\n"+code), 0o600); err != nil {
			t.Fatal(err)
		}
		files[filepath.Join(module, "internal", "documents", "program", name)] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, "program")
	build := exec.Command("go", "build", "-overlay", list, "-o", path, "./internal/documents/program")
	build.Dir = module
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the Go of %s does not compile: %s\n%s", page, err, output)
	}
	return path
}

// What the page shows as functions that nobody calls there.
const callSteer = `import (
	"context"
	"log"

	spanloom "spanloom.dev/go"
)

func init() {
	client, err := spanloom.NewClient(spanloom.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := steer(context.Background(), client); err != nil {
		log.Fatal(err)
	}
}
`

func TestTheReadmesGoCompilesAndRuns(t *testing.T) {
	run := exec.CommandContext(t.Context(), program(t, filepath.Join("..", "..", "README.md"), callSteer))
	run.Env = append(os.Environ(), "SPANLOOM_URL="+testserver.Shared(t).URL, "SPANLOOM_TOKEN=")
	output, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%s", err, output)
	}
	for _, want := range []string{"SUCCEEDED 4", "8 names", "4 attempts, 2 records", "QUEUED 1\nnot needed\nfetch\n"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("it does not print %q:\n%s", want, output)
		}
	}
}

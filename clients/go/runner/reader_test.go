package runner_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"spanloom.dev/go/internal/testserver"
)

// reading runs commands of `spanloom`, one for each line that it is given, and answers each with a line of JSON: what it
// wrote. One process for all: to start one takes as long as a hundred queries.
const reading = `
import { createInterface } from "node:readline";
const { runCli } = await import(process.argv[1]);
const signal = new AbortController().signal;
for await (const line of createInterface({ input: process.stdin })) {
  let written = "";
  const stream = {
    write: (data) => { written += typeof data === "string" ? data : new TextDecoder().decode(data); },
    drained: async () => {}, isTTY: false, columns: 100, rows: 24,
  };
  await runCli(JSON.parse(line), {
    stdout: stream, stderr: stream, env: {}, signal, readStdin: async () => "", nowMs: Date.now,
  });
  console.log(JSON.stringify(written));
}
`

// reader reads spans and logs by the command line's code, as Go's client has no reader of Arrow.
var reader struct {
	mutex   sync.Mutex
	command *exec.Cmd
	input   io.Writer
	output  *bufio.Reader
}

func startReader(t *testing.T) {
	t.Helper()
	program := filepath.Join(testserver.Root(t), "packages", "cli", "src", "run-cli.ts")
	command := exec.Command(testserver.Node(t), "--input-type=module", "--eval", reading, "--", program)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	reader.command, reader.input, reader.output = command, input, bufio.NewReader(output)
}

// stopReader ends the process, if there is one.
func stopReader() {
	if reader.command != nil {
		reader.command.Process.Kill() //nolint:errcheck // It has ended already.
		reader.command.Wait()         //nolint:errcheck // How is nobody's business.
	}
}

// read gives the rows that a command writes.
func (b *bench) read(arguments ...string) []row {
	b.t.Helper()
	reader.mutex.Lock()
	defer reader.mutex.Unlock()
	if reader.command == nil {
		startReader(b.t)
	}
	asked, err := json.Marshal(append(arguments, "--json", "--url", b.server.URL))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := reader.input.Write(append(asked, '\n')); err != nil {
		b.t.Fatal(err)
	}
	answer, err := reader.output.ReadBytes('\n')
	if err != nil {
		b.t.Fatal(err)
	}
	var written string
	if err := json.Unmarshal(answer, &written); err != nil {
		b.t.Fatalf("%s: %s", err, answer)
	}
	var rows []row
	for decoder := json.NewDecoder(strings.NewReader(written)); decoder.More(); {
		var each row
		if err := decoder.Decode(&each); err != nil {
			b.t.Fatalf("%v: %s: %s", arguments, err, written)
		}
		rows = append(rows, each)
	}
	return rows
}

// row is a span or a log record, as `spanloom spans` and `spanloom logs` write them.
type row map[string]any

func (r row) text(name string) string {
	text, _ := r[name].(string)
	return text
}

// attributes gives the attributes of a row.
func (r row) attributes() map[string]any {
	attributes, _ := r["attributes"].(map[string]any)
	return attributes
}

// spans reads the spans of a job.
func (b *bench) spans(jobID string) []row {
	b.t.Helper()
	return b.read("spans", jobID)
}

// logs reads the log records of a job.
func (b *bench) logs(jobID string) []row {
	b.t.Helper()
	return b.read("logs", jobID)
}

// named gives the rows of a name.
func named(rows []row, name string) []row {
	var found []row
	for _, each := range rows {
		if each.text("name") == name {
			found = append(found, each)
		}
	}
	return found
}

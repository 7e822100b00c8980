// Package testserver runs real servers for tests, from a checkout of the repository.
package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Deadline is how long tests wait for what must happen.
const Deadline = 60 * time.Second

var listening = regexp.MustCompile(`listening on (http://\S+:(\d+))`)

// Server is a server process. Stopping and starting it again keeps its port and its data.
type Server struct {
	// URL it listens at.
	URL     string
	data    string
	flags   []string
	port    string
	command *exec.Cmd
	ended   chan struct{}
}

var shared struct {
	mutex  sync.Mutex
	server *Server
	folder string
}

// Run runs the tests of a package and stops the shared server after them; for TestMain, which exits with its result.
func Run(tests *testing.M) int {
	defer func() {
		shared.mutex.Lock()
		defer shared.mutex.Unlock()
		if shared.server != nil {
			shared.server.Stop()
			os.RemoveAll(shared.folder)
		}
	}()
	return tests.Run()
}

// Shared is one server for all tests of a package that leave it running; their package has a TestMain that calls [Run].
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.mutex.Lock()
	defer shared.mutex.Unlock()
	if shared.server == nil {
		folder, err := os.MkdirTemp("", "spanloom-go-")
		if err != nil {
			t.Fatal(err)
		}
		server := &Server{data: filepath.Join(folder, "data")}
		server.Start(t)
		shared.server, shared.folder = server, folder
	}
	return shared.server
}

// New is a server of the test's own, which it may stop and start, with flags of its own. It ends with the test.
func New(t testing.TB, flags ...string) *Server {
	t.Helper()
	server := &Server{data: filepath.Join(t.TempDir(), "data"), flags: flags}
	server.Start(t)
	t.Cleanup(server.Stop)
	return server
}

// Start starts it, or again after Stop or Kill. Skips the test where there is no Node or no checkout.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	node, program := find(t)
	port := s.port
	if port == "" {
		port = "0"
	}
	// Leases are short, so that lost ones are soon found.
	flags := append([]string{program, "--data-dir", s.data, "--port", port, "--default-lease-ms", "3000"}, s.flags...)
	command := exec.Command(node, flags...)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := &lastLines{}
	command.Stderr = log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s.command, s.ended = command, make(chan struct{})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			s.URL, s.port = found[1], found[2]
			go s.drain(lines)
			return
		}
	}
	command.Wait() //nolint:errcheck // It has failed; what it said tells more than its status.
	t.Fatalf("the server did not start:\n%s", log)
}

// drain reads what the server says to its end, and then waits for the process.
func (s *Server) drain(lines *bufio.Scanner) {
	defer close(s.ended)
	for lines.Scan() {
	}
	s.command.Wait() //nolint:errcheck // How it ended is nobody's business.
}

// Stop ends it gracefully. Safe to call twice.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends it as a crash does. Safe to call twice.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal os.Signal) {
	if s.command == nil {
		return
	}
	if err := s.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(fmt.Sprintf("cannot stop the server: %s", err))
	}
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.command.Process.Kill() //nolint:errcheck // It has ended meanwhile, or ends now.
		<-s.ended
	}
	s.command = nil
}

// Root is the repository's folder; it skips the test where this module is not within a checkout.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
	if _, err := os.Stat(filepath.Join(root, "packages", "server")); err != nil {
		t.Skip("this is no checkout of the repository: there is no packages/server beside clients/go")
	}
	return root
}

// Node is the Node that the repository pins, else whatever is on PATH; it skips the test where there is none.
func Node(t testing.TB) string {
	t.Helper()
	pinned := filepath.Join(Root(t), "node_modules", ".bin", "node")
	if _, err := os.Stat(pinned); err == nil {
		return pinned
	}
	found, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node: run npm test once, which installs it")
	}
	return found
}

func find(t testing.TB) (node, program string) {
	t.Helper()
	return Node(t), filepath.Join(Root(t), "packages", "server", "src", "bin", "spanloom-server.ts")
}

// Queue is a queue of the test's own, so that no other test's runner takes its tasks.
func Queue(t testing.TB) string {
	return strings.NewReplacer("/", "-", " ", "-").Replace(fmt.Sprintf("%.180s-%d", t.Name(), os.Getpid()))
}

// Until polls until a condition holds, and fails the test when it does not come to that.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Deadline); time.Now().Before(deadline); {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("waited %s for %s", Deadline, what)
}

// lastLines keeps the end of what is written to it.
type lastLines struct {
	mutex sync.Mutex
	text  []byte
}

func (l *lastLines) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.text = append(l.text, data...)
	if over := len(l.text) - 16*1024; over > 0 {
		l.text = l.text[over:]
	}
	return len(data), nil
}

func (l *lastLines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return string(l.text)
}

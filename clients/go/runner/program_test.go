package runner_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/runner"
)

// programEnv has the server's URL and the queue, separated by a space, for this program when it is to be a runner.
const programEnv = "SPANLOOM_TEST_PROGRAM"

// place is where a task leaves a sign that it ran, and how long it goes on then.
type place struct {
	Path string
	Ms   int
}

func (p place) sign(text string) error {
	file, err := os.OpenFile(p.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text + "\n")
	return err
}

func (p place) wait(ctx context.Context) {
	select {
	case <-time.After(time.Duration(p.Ms) * time.Millisecond):
	case <-ctx.Done():
	}
}

var (
	double = spanloom.NewTask("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

	// dying kills its process in the first attempt, with a span behind it and one open, once there is a file that says so.
	dying = spanloom.NewTask("dying", func(ctx context.Context, at place) (int, error) {
		info, err := spanloom.TaskInfo(ctx)
		if err != nil || info.Attempt > 1 {
			return info.Attempt, err
		}
		_, before := spanloom.Span(ctx, "before")
		before.End()
		ctx, during := spanloom.Span(ctx, "during")
		defer during.End()
		for !exists(at.Path)() {
			place{Ms: 20}.wait(ctx)
		}
		return 0, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	})

	// marking leaves a sign, and goes on for a while in its first attempt.
	marking = spanloom.NewTask("marking", func(ctx context.Context, at place) (int, error) {
		info, err := spanloom.TaskInfo(ctx)
		if err != nil {
			return 0, err
		}
		_, marked := spanloom.Span(ctx, "marked")
		marked.End()
		if err := at.sign(fmt.Sprint(info.Attempt)); err != nil {
			return 0, err
		}
		if info.Attempt == 1 {
			at.wait(ctx)
		}
		return info.Attempt, context.Cause(ctx)
	})

	spanned = spanloom.NewTask("spanned", func(ctx context.Context, ms int) (int, error) {
		_, span := spanloom.Span(ctx, "spanned")
		defer span.End()
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return 0, nil
	})

	spannedParent = spanloom.NewTask("spanned-parent", func(ctx context.Context, count int) (int, error) {
		inputs := make([]int, count)
		for i := range inputs {
			inputs[i] = 20
		}
		_, err := spanloom.SubmitMany(ctx, spanned, inputs)
		return count, err
	})
)

// runProgram is a runner until a signal ends it; gives the exit status.
func runProgram() int {
	url, queue, _ := strings.Cut(os.Getenv(programEnv), " ")
	made, err := runner.New(runner.Options{
		URL: url, Queues: []string{queue}, Concurrency: 4, Grace: 5 * time.Second,
		Tasks: []spanloom.AnyTask{double, dying, marking, spanned, spannedParent},
		Log:   func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err == nil {
		err = made.RunUntilSignal(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// program is a runner in a process of its own.
type program struct {
	command *exec.Cmd
	lines   *lines
	ended   chan struct{}
}

// startProgram starts a runner, which is killed after the test.
func (b *bench) startProgram() *program {
	b.t.Helper()
	executable, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	made := &program{command: exec.Command(executable), lines: &lines{}, ended: make(chan struct{})}
	made.command.Env = append(os.Environ(), programEnv+"="+b.server.URL+" "+b.queue)
	output, err := made.command.StderrPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := made.command.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() {
		defer close(made.ended)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			made.lines.add(scanner.Text())
		}
		made.command.Wait() //nolint:errcheck // Its exit status says how it ended.
	}()
	b.t.Cleanup(made.kill)
	testserver.Until(b.t, "the program to be ready", func() bool { return made.lines.has("is ready") })
	return made
}

func (p *program) signal(number syscall.Signal) {
	// It may have ended by itself.
	_ = p.command.Process.Signal(number)
}

func (p *program) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// exitCode waits for its end.
func (p *program) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(testserver.Deadline):
		t.Fatalf("the program did not end: %s", p.lines)
	}
	return p.command.ProcessState.ExitCode()
}

package runner_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/runner"
)

func TestMain(m *testing.M) {
	// The tests start this program again as a runner in a process of its own.
	if os.Getenv(programEnv) != "" {
		os.Exit(runProgram())
	}
	code := testserver.Run(m)
	stopReader()
	os.Exit(code)
}

// bench is a server, a client of it and a queue of the test's own.
type bench struct {
	t      *testing.T
	server *testserver.Server
	client *spanloom.Client
	queue  string
	ctx    context.Context
}

func newBench(t *testing.T) *bench { return benchOf(t, testserver.Shared(t)) }

func benchOf(t *testing.T, server *testserver.Server) *bench {
	t.Helper()
	client, err := spanloom.NewClient(spanloom.ClientOptions{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(context.Background(), 2*testserver.Deadline)
	t.Cleanup(cancel)
	// The same test may run more than once in this process.
	queue := testserver.Queue(t) + "-" + spanloom.NewID()[24:]
	return &bench{t: t, server: server, client: client, queue: queue, ctx: ctx}
}

// running is a runner in this process.
type running struct {
	*runner.Runner
	stop  func()
	lines *lines
}

// start runs a runner until the test ends, or stop is called.
func (b *bench) start(options runner.Options, tasks ...spanloom.AnyTask) *running {
	b.t.Helper()
	made := &running{lines: &lines{}}
	if options.URL == "" {
		options.URL = b.server.URL
	}
	options.Tasks, options.Queues, options.Log = tasks, []string{b.queue}, made.lines.add
	var err error
	if made.Runner, err = runner.New(options); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- made.Run(ctx) }()
	made.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("the runner failed: %s", err)
		}
	})
	b.t.Cleanup(made.stop)
	select {
	case <-made.Ready():
	case <-time.After(testserver.Deadline):
		b.t.Fatalf("the runner did not start: %s", made.lines)
	}
	return made
}

// submit submits a job to the test's queue.
func submit[In, Out any](b *bench, task *spanloom.Task[In, Out], input In, options ...spanloom.JobOption) *spanloom.JobHandle[Out] {
	b.t.Helper()
	handle, err := spanloom.SubmitJob(b.ctx, b.client, task, input, append(options, spanloom.WithQueue(b.queue))...)
	if err != nil {
		b.t.Fatal(err)
	}
	return handle
}

// ended submits a job, and gives it as it ended.
func ended[In, Out any](b *bench, task *spanloom.Task[In, Out], input In, options ...spanloom.JobOption) *spanloomv1.Job {
	b.t.Helper()
	return waited(b, submit(b, task, input, options...))
}

func waited[Out any](b *bench, handle *spanloom.JobHandle[Out]) *spanloomv1.Job {
	b.t.Helper()
	job, err := handle.Wait(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return job
}

// result submits a job, and gives its output.
func result[In, Out any](b *bench, task *spanloom.Task[In, Out], input In, options ...spanloom.JobOption) Out {
	b.t.Helper()
	output, err := submit(b, task, input, options...).Result(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return output
}

// outputOf gives the output of a job's first root; empty when it has none.
func outputOf(job *spanloomv1.Job) string {
	if len(job.GetOutputs()) == 0 {
		return ""
	}
	return string(job.GetOutputs()[0])
}

// tasks gives the tasks of a job.
func (b *bench) tasks(jobID string) []*spanloomv1.Task {
	b.t.Helper()
	var tasks []*spanloomv1.Task
	for each, err := range b.client.Jobs.Tasks(b.ctx, jobID, spanloom.TasksOptions{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		tasks = append(tasks, each)
	}
	return tasks
}

// outcomes gives how the attempts of a job's first task ended.
func (b *bench) outcomes(jobID string) string {
	b.t.Helper()
	var names []string
	for _, each := range b.tasks(jobID)[0].GetAttempts() {
		names = append(names, strings.TrimPrefix(each.GetOutcome().String(), "ATTEMPT_OUTCOME_"))
	}
	return strings.Join(names, " ")
}

// lines are what a runner says.
type lines struct {
	mutex sync.Mutex
	all   []string
}

func (l *lines) add(line string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all = append(l.all, line)
}

func (l *lines) has(part string) bool {
	return strings.Contains(l.String(), part)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Join(l.all, "\n")
}

// signal is something that happens once.
type signal struct {
	once sync.Once
	done chan struct{}
}

func newSignal() *signal { return &signal{done: make(chan struct{})} }

func (s *signal) give() { s.once.Do(func() { close(s.done) }) }

func (s *signal) await(t *testing.T, what string) {
	t.Helper()
	select {
	case <-s.done:
	case <-time.After(testserver.Deadline):
		t.Fatalf("waited %s for %s", testserver.Deadline, what)
	}
}

package runner_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/runner"
)

func exists(path string) func() bool {
	return func() bool {
		_, err := os.Stat(path)
		return err == nil
	}
}

func TestRunsAgainWhatAKilledRunnerHeldAndKeepsItsSpans(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "sign")
	b.startProgram()
	handle := submit(b, dying, place{Path: path})
	testserver.Until(t, "the open span to be shown", func() bool { return len(named(b.spans(handle.ID()), "during")) == 1 })
	if err := (place{Path: path}).sign("die"); err != nil {
		t.Fatal(err)
	}
	b.startProgram()
	job := waited(b, handle)
	if outputOf(job) != "2" || b.outcomes(job.GetId()) != "LOST SUCCESS" {
		t.Errorf("got %q after %s", outputOf(job), b.outcomes(job.GetId()))
	}
	// The one that was open is closed by the server.
	for _, name := range []string{"before", "during"} {
		if rows := named(b.spans(job.GetId()), name); len(rows) != 1 || rows[0].text("end_time") == "" {
			t.Errorf("got %v", rows)
		}
	}
}

func TestHasOneResultAndItsSpansOfEachTaskHoweverOftenRunnersAreKilled(t *testing.T) {
	b := newBench(t)
	const count = 600
	handle := submit(b, spannedParent, count)
	programs := []*program{b.startProgram(), b.startProgram()}
	kills := 0
	var job *spanloomv1.Job
	testserver.Until(t, "the job to end", func() bool {
		var err error
		if job, err = b.client.Jobs.Get(b.ctx, handle.ID()); err != nil {
			t.Fatal(err)
		}
		if !spanloom.Ended(job) && kills < 5 && int(job.GetCounts().GetSucceeded()) > kills*count/6 {
			programs[kills%2].kill()
			programs[kills%2] = b.startProgram()
			kills++
		}
		return spanloom.Ended(job)
	})
	if job.GetState() != spanloomv1.JobState_JOB_STATE_SUCCEEDED || job.GetCounts().GetSucceeded() != count+1 || kills != 5 {
		t.Errorf("got %s with %v after %d kills", job.GetState(), job.GetCounts(), kills)
	}
	rows := b.spans(job.GetId())
	succeeded := map[string]int{}
	for _, each := range rows {
		if each.text("type") == "attempt" && each.text("outcome") == "success" && each.text("name") == "spanned" {
			succeeded[each.text("span_id")] = 0
		}
	}
	for _, each := range rows {
		if _, ours := succeeded[each.text("parent_span_id")]; ours && each.text("type") == "user" {
			succeeded[each.text("parent_span_id")]++
		}
	}
	if len(succeeded) != count {
		t.Errorf("%d attempts succeeded", len(succeeded))
	}
	for id, spans := range succeeded {
		if spans != 1 {
			t.Errorf("attempt %s has %d spans", id, spans)
		}
	}
}

func TestStopsGracefullyOnASignal(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "sign")
	p := b.startProgram()
	handle := submit(b, marking, place{path, 1_000})
	testserver.Until(t, "the attempt to begin", exists(path))
	p.signal(syscall.SIGTERM)
	if code := p.exitCode(t); code != 0 {
		t.Errorf("it ended with %d: %s", code, p.lines)
	}
	job, err := b.client.Jobs.Get(b.ctx, handle.ID())
	if err != nil || job.GetState() != spanloomv1.JobState_JOB_STATE_SUCCEEDED {
		t.Errorf("got %s, %v", job.GetState(), err)
	}
}

func TestEndsAtASecondSignal(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "sign")
	p := b.startProgram()
	submit(b, marking, place{path, 60_000})
	testserver.Until(t, "the attempt to begin", exists(path))
	p.signal(syscall.SIGTERM)
	testserver.Until(t, "the first signal to be noticed", func() bool { return p.lines.has("is stopping") })
	p.signal(syscall.SIGINT)
	if code := p.exitCode(t); code != 128+int(syscall.SIGINT) {
		t.Errorf("it ended with %d", code)
	}
}

func TestKeepsItsLeasesWhileAllProcessorsAreBusy(t *testing.T) {
	b := newBench(t)
	busy := spanloom.NewTask("busy", func(ctx context.Context, ms int) (int, error) {
		info, err := spanloom.TaskInfo(ctx)
		sum := 0
		for until := time.Now().Add(time.Duration(ms) * time.Millisecond); time.Now().Before(until); sum++ {
		}
		return info.Attempt, err
	})
	count := 2 * runtime.GOMAXPROCS(0)
	b.start(runner.Options{Concurrency: count}, busy)
	// Longer than a lease of this server, which lasts three seconds.
	inputs := slices.Repeat([]int{4_000}, count)
	handles, err := spanloom.SubmitJobs(b.ctx, b.client, busy, inputs, spanloom.WithQueue(b.queue))
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range handles {
		if job := waited(b, each); outputOf(job) != "1" {
			t.Errorf("got %s", b.outcomes(job.GetId()))
		}
	}
}

// droppingProxy hands on every request, and drops every n-th answer that the server gave; while it is off, it takes no
// request.
type droppingProxy struct {
	url     string
	off     atomic.Bool
	every   atomic.Int32
	dropped atomic.Int32
}

func startProxy(t *testing.T, target string, every int32) *droppingProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made := &droppingProxy{url: "http://" + listener.Addr().String()}
	made.every.Store(every)
	t.Cleanup(func() { listener.Close() })
	go func() {
		var count atomic.Int32
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go made.serve(near, strings.TrimPrefix(target, "http://"), &count)
		}
	}()
	return made
}

// serve hands on one request of a connection, and closes it.
func (p *droppingProxy) serve(near net.Conn, target string, count *atomic.Int32) {
	defer near.Close()
	request, err := http.ReadRequest(bufio.NewReader(near))
	if err != nil || p.off.Load() {
		return
	}
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	request.Close = true
	if request.Write(far) != nil {
		return
	}
	answer, err := io.ReadAll(far)
	if err != nil {
		return
	}
	every := p.every.Load()
	if every > 0 && count.Add(1)%every == 0 {
		p.dropped.Add(1)
		return
	}
	// Whoever asked may have gone.
	_, _ = near.Write(answer)
}

func TestLosesNoResultWhileAnswersAreLost(t *testing.T) {
	b := newBench(t)
	proxy := startProxy(t, b.server.URL, 3)
	b.start(runner.Options{URL: proxy.url, Concurrency: 4}, double)
	// Its end is no part of the test.
	t.Cleanup(func() { proxy.every.Store(0) })
	inputs := make([]int, 300)
	for i := range inputs {
		inputs[i] = i
	}
	handles, err := spanloom.SubmitJobs(b.ctx, b.client, double, inputs, spanloom.WithQueue(b.queue))
	if err != nil {
		t.Fatal(err)
	}
	for i, each := range handles {
		if got, err := each.Result(b.ctx); err != nil || got != 2*i {
			t.Errorf("got %d, %v", got, err)
		}
		// A lost answer to a poll may lose leases, and never costs a second success.
		if outcomes := b.outcomes(each.ID()); strings.Count(outcomes, "SUCCESS") != 1 {
			t.Errorf("got %s", outcomes)
		}
	}
	if proxy.dropped.Load() == 0 {
		t.Error("no answer was dropped")
	}
}

func TestGoesOnWhenTheServerComesBack(t *testing.T) {
	b := benchOf(t, testserver.New(t))
	path := filepath.Join(t.TempDir(), "sign")
	r := b.start(runner.Options{}, marking, double)
	handle := submit(b, marking, place{path, 1_000})
	testserver.Until(t, "the attempt to begin", exists(path))
	b.server.Kill()
	testserver.Until(t, "the runner to notice", func() bool { return r.lines.has("trying again") })
	b.server.Start(t)
	job := waited(b, handle)
	if outputOf(job) != "1" {
		t.Errorf("got %q after %s", outputOf(job), b.outcomes(job.GetId()))
	}
	if rows := named(b.spans(job.GetId()), "marked"); len(rows) != 1 {
		t.Errorf("got %v", rows)
	}
	if got := result(b, double, 4); got != 8 {
		t.Errorf("got %d", got)
	}
	if !r.lines.has("reached the server") {
		t.Errorf("it said %s", r.lines)
	}
}

func TestStopsWhileTheServerIsAway(t *testing.T) {
	b := benchOf(t, testserver.New(t))
	r := b.start(runner.Options{}, double)
	if got := result(b, double, 4); got != 8 {
		t.Fatalf("got %d", got)
	}
	b.server.Kill()
	r.stop()
	if !r.lines.has("could not unregister") || !r.lines.has("has stopped") {
		t.Errorf("it said %s", r.lines)
	}
}

func TestWaitsForAServerThatIsNotThereYet(t *testing.T) {
	lines := &lines{}
	r, err := runner.New(runner.Options{URL: "http://127.0.0.1:9", Tasks: []spanloom.AnyTask{double}, Log: lines.add})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	testserver.Until(t, "the runner to try again", func() bool { return lines.has("trying again") })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !lines.has("cannot reach the server at http://127.0.0.1:9: ") {
		t.Errorf("it said %s", lines)
	}
}

func TestRefusesToRunWithAWrongToken(t *testing.T) {
	server := testserver.New(t, "--token", "secret")
	r, err := runner.New(runner.Options{URL: server.URL, Token: "wrong", Tasks: []spanloom.AnyTask{double}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(context.Background()); !errors.Is(err, spanloom.Unauthenticated) {
		t.Errorf("got %v", err)
	}
}

func TestTellsAnAttemptWhoseLeaseWasLost(t *testing.T) {
	b := newBench(t)
	// From the first attempt on the runner hears nothing, and is not heard of in time.
	proxy := startProxy(t, b.server.URL, 0)
	causes := make(chan error, 1)
	holding := spanloom.NewTask("holding", func(ctx context.Context, _ spanloom.None) (int, error) {
		info, err := spanloom.TaskInfo(ctx)
		if err != nil || info.Attempt > 1 {
			return info.Attempt, err
		}
		proxy.off.Store(true)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return info.Attempt, nil
	})
	r := b.start(runner.Options{URL: proxy.url}, holding)
	handle := submit(b, holding, spanloom.None{})
	testserver.Until(t, "the lease to be lost", func() bool {
		tasks := b.tasks(handle.ID())
		return len(tasks) > 0 && len(tasks[0].GetAttempts()) > 0 && b.outcomes(handle.ID()) != "UNSPECIFIED"
	})
	proxy.off.Store(false)
	var told *spanloom.AttemptAborted
	if cause := <-causes; !errors.As(cause, &told) || told.Kind != spanloom.AbortLeaseLost {
		t.Errorf("the cause is %v", cause)
	}
	job := waited(b, handle)
	if outputOf(job) != "2" || b.outcomes(job.GetId()) != "LOST SUCCESS" {
		t.Errorf("got %q after %s", outputOf(job), b.outcomes(job.GetId()))
	}
	if !r.lines.has("lost the lease") {
		t.Errorf("it said %s", r.lines)
	}
}

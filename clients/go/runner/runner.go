// Package runner leases tasks, runs them, traces them, and reports what became of them.
package runner

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"connectrpc.com/connect"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
)

const (
	defaultLease          = 15 * time.Second
	defaultMaxOutputBytes = 256 * 1024
	// abortTime is how long attempts that were told to stop have to end before they are given back at shutdown.
	abortTime = time.Second
	// flushTime is how long results and telemetry may take to leave at shutdown.
	flushTime = 5 * time.Second
	// maxWaitHere is how long a task may wait here for a slot while others might run it.
	maxWaitHere = time.Second
	// exitSignalled is the exit status of a process that a second signal ends, less the signal's number.
	exitSignalled = 128
)

// Runner runs tasks; made by [New].
//
//	new --Run--> starting --registered--> running --ctx is done--> stopping --> stopped
//	                                         |                        |
//	                                         +--drained--> finishing -+
//
// Stopping, it leases nothing; gives waiting tasks back; lets attempts finish within Grace, then stops and gives back what
// is left; reports everything; unregisters. Finishing, it leases nothing, and lets attempts finish however long they take.
//
// I1. A task is reported at most once by this runner, and only while it holds the lease.
// I2. A server that is away for minutes costs time, not results.
// I3. Telemetry never fails or delays the work.
//
// Concurrency: any number in a process.
type Runner struct {
	options  Options
	registry *registry
	client   *spanloom.Client
	id       string
	ready    chan struct{}
	drained  chan struct{}
	drain    sync.Once
	started  sync.Once
}

// New makes a runner, which does nothing before [Runner.Run].
//
// Errors: InvalidField naming an option that is out of range; what is wrong with a task's definition.
func New(options Options) (*Runner, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	registry, err := newRegistry(options.Tasks)
	if err != nil {
		return nil, err
	}
	client, err := spanloom.NewClient(spanloom.ClientOptions{URL: options.URL, Token: options.Token, NoTracing: true})
	if err != nil {
		return nil, err
	}
	return &Runner{
		options:  options,
		registry: registry,
		client:   client,
		id:       spanloom.NewID(),
		ready:    make(chan struct{}),
		drained:  make(chan struct{}),
	}, nil
}

// ID is the runner's, a UUID.
func (r *Runner) ID() string { return r.id }

// Ready is closed once the server knows the runner.
func (r *Runner) Ready() <-chan struct{} { return r.ready }

// Run registers and runs tasks until ctx is done, or until the server has asked the runner to drain and it has finished
// what it had; then it stops, and returns when nothing is left to do. A server that cannot be reached is tried again until
// then.
//
// The contexts of attempts have the values of ctx.
//
// Errors: whatever the server refuses the runner for, e.g. Unauthenticated; InvalidState when it is called again.
func (r *Runner) Run(ctx context.Context) error {
	first := false
	r.started.Do(func() { first = true })
	if !first {
		return &spanloom.Error{Reason: spanloom.InvalidState, Message: fmt.Sprintf("cannot run runner %s: it was run before", r.id)}
	}
	defer r.client.Close()
	registered, err := r.register(ctx)
	if err != nil {
		if ctx.Err() != nil {
			// To be told to stop while the server cannot be reached is no failure.
			r.options.logf("runner %s has stopped: it was never registered", r.id)
			return nil
		}
		return err
	}
	running := r.assemble(ctx, registered)
	running.start()
	r.options.logf("runner %s is ready: leasing %s from %v", r.id, r.registry.names(), r.options.Queues)
	close(r.ready)
	select {
	case <-ctx.Done():
	case <-r.drained:
		running.finish(ctx)
	}
	running.windDown()
	r.unregister()
	r.options.logf("runner %s has stopped", r.id)
	return nil
}

// RunUntilSignal is [Runner.Run], which SIGTERM and SIGINT also end: the first stops the runner gracefully, a second ends
// the process.
func (r *Runner) RunUntilSignal(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-signals:
		case <-ended:
			return
		}
		r.options.logf("runner %s is stopping; a second signal ends it at once", r.id)
		stop()
		select {
		case second := <-signals:
			number, _ := second.(syscall.Signal)
			os.Exit(exitSignalled + int(number))
		case <-ended:
		}
	}()
	return r.Run(ctx)
}

// register introduces the runner, until the server takes it.
func (r *Runner) register(ctx context.Context) (answer *spanloomv1.RegisterRunnerResponse, err error) {
	request := &spanloomv1.RegisterRunnerRequest{Runner: r.introduction()}
	service := spanloomv1connect.NewRunnerServiceClient(r.client.Connect())
	told := false
	err = retry(ctx, func() error {
		answer, err = unary(ctx, callTimeout, service.RegisterRunner, request)
		return err
	}, func(err error, _ time.Duration) {
		if !told {
			r.options.logf("%s; trying again", err)
		}
		told = true
	})
	return answer, err
}

// registerAgain introduces the runner to a server that does not know it any more.
func (r *Runner) registerAgain(ctx context.Context) {
	if _, err := r.register(ctx); err != nil && ctx.Err() == nil {
		r.options.logf("could not register again: %s", err)
	}
}

func (r *Runner) introduction() *spanloomv1.Runner {
	// A machine without a name runs tasks all the same.
	host, _ := os.Hostname()
	return &spanloomv1.Runner{
		Id:             r.id,
		Host:           host,
		Pid:            uint32(os.Getpid()),
		SdkName:        "spanloom-go",
		SdkVersion:     version,
		ServiceName:    r.options.Name,
		ServiceVersion: r.options.Version,
		Queues:         r.options.Queues,
		Identifiers:    r.registry.identifiers,
		Capacity:       uint32(r.options.Concurrency),
	}
}

func (r *Runner) unregister() {
	service := spanloomv1connect.NewRunnerServiceClient(r.client.Connect())
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := service.UnregisterRunner(ctx, connect.NewRequest(&spanloomv1.UnregisterRunnerRequest{RunnerId: r.id}))
	if err != nil {
		// The server finds out by itself when the leases end.
		r.options.logf("could not unregister: %s", err)
	}
}

// askedToDrain ends the run: the server asked the runner to finish what it has.
func (r *Runner) askedToDrain() {
	r.drain.Do(func() {
		r.options.logf("runner %s was asked to drain", r.id)
		close(r.drained)
	})
}

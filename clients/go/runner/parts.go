package runner

import (
	"context"
	"sync"
	"time"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/tracing"
)

const (
	// lookInterval is how often attempts are looked at that take long.
	lookInterval = 500 * time.Millisecond
	// longAttempt is the age from which an attempt's telemetry does not wait for its result.
	longAttempt = 500 * time.Millisecond
	// longSpan is the age from which a span is shown although it is open.
	longSpan = 2 * time.Second
)

// parts is what a running runner consists of.
type parts struct {
	runner    *Runner
	pool      *pool
	store     *store
	loop      *leaseLoop
	heartbeat *heartbeat
	budget    *tracing.Budget

	beating     context.Context
	stopBeating context.CancelFunc
	goroutines  sync.WaitGroup
	releaseLog  func()
}

func (r *Runner) assemble(ctx context.Context, registered *spanloomv1.RegisterRunnerResponse) *parts {
	service := spanloomv1connect.NewTaskServiceClient(r.client.Connect())
	made := &parts{runner: r, budget: tracing.NewBudget(r.options.MaxTelemetryBytes), releaseLog: func() {}}
	made.beating, made.stopBeating = context.WithCancel(context.Background())
	made.store = newStore(r.options.MaxResultBytes, made.budget, func() { made.loop.wake() })
	made.pool = newPool(poolOptions{
		concurrency:  r.options.Concurrency,
		prefetch:     r.options.Prefetch,
		abandonAfter: r.options.AbandonAfter,
		execute:      r.executor(service, registered, made).execute,
		ended:        made.ended,
		freed:        func() { made.loop.wake() },
	})
	// Attempts outlive ctx: they are let finish.
	attempts := context.WithoutCancel(ctx)
	made.loop = newLeaseLoop(leaseLoopOptions{
		service:     service,
		url:         r.client.URL(),
		runnerID:    r.id,
		queues:      r.options.Queues,
		identifiers: r.registry.identifiers,
		pool:        made.pool,
		store:       made.store,
		leased:      func(tasks []*spanloomv1.LeasedTask) { made.leased(attempts, tasks) },
		drained:     r.askedToDrain,
		unknown:     func() { made.goroutines.Go(func() { r.registerAgain(made.beating) }) },
		log:         r.options.logf,
	})
	made.heartbeat = &heartbeat{options: heartbeatOptions{
		service:    service,
		runnerID:   r.id,
		pool:       made.pool,
		unreported: made.store.unreported,
		interval:   intervalOf(registered),
		polls:      made.loop.waiting.Load,
		drained:    r.askedToDrain,
		log:        r.options.logf,
	}}
	return made
}

func intervalOf(registered *spanloomv1.RegisterRunnerResponse) time.Duration {
	if interval := registered.GetHeartbeatInterval().AsDuration(); interval > 0 {
		return interval
	}
	return defaultLease / 3
}

func (r *Runner) executor(service taskService, registered *spanloomv1.RegisterRunnerResponse, made *parts) *executor {
	records := r.options.records()
	if records && !r.options.NoGlobalTracing {
		tracing.Register()
	}
	limit := defaultMaxOutputBytes
	if told := registered.GetMaxOutputBytes(); told > 0 {
		limit = int(told)
	}
	return &executor{
		host: tracing.NewHost(tracing.HostOptions{
			RunnerID: r.id,
			Resource: tracing.RunnerResource(r.id, r.options.Name, r.options.Version),
			Enabled:  records,
			Budget:   made.budget,
			Late:     func(entries tracing.Entries) { made.store.addEntries(entries) },
		}),
		tracer:         tracing.TaskTracer(records),
		dependencies:   readDependencies(service),
		maxOutputBytes: limit,
	}
}

func (p *parts) start() {
	if p.runner.options.records() && !p.runner.options.NoLogging {
		p.releaseLog = tracing.CaptureLogging()
	}
	p.goroutines.Go(func() { p.heartbeat.run(p.beating) })
	p.goroutines.Go(func() { p.every(lookInterval, p.show) })
	p.goroutines.Go(func() {
		p.every(maxWaitHere, func() { p.pool.releaseStale(time.Now().Add(-maxWaitHere)) })
	})
	p.loop.start()
}

// finish takes no more, and waits until what it has is done, or ctx is.
func (p *parts) finish(ctx context.Context) {
	p.loop.stopLeasing()
	p.pool.releaseWaiting()
	p.pool.waitEmpty(ctx)
}

// windDown stops everything in order; see Runner.
func (p *parts) windDown() {
	options := p.runner.options
	p.loop.stopLeasing()
	p.pool.releaseWaiting()
	p.waitEmpty(options.Grace)
	p.pool.abortAll(attempt.Shutdown, "the runner is stopping")
	p.waitEmpty(abortTime)
	p.pool.abandonAll()
	if !p.store.waitEmpty(flushTime) {
		if left := len(p.store.unreported()); left > 0 {
			options.logf("stopped with %d results unreported: %s did not take them", left, p.runner.client.URL())
		}
	}
	p.stopBeating()
	p.loop.stop()
	p.goroutines.Wait()
	p.releaseLog()
	if dropped := p.budget.Dropped(); dropped > 0 {
		options.logf("dropped %d spans and log records: over MaxTelemetryBytes", dropped)
	}
}

// waitEmpty waits until nothing is held, at most so long.
func (p *parts) waitEmpty(most time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	p.pool.waitEmpty(ctx)
}

// leased takes over what an answer brought.
func (p *parts) leased(ctx context.Context, tasks []*spanloomv1.LeasedTask) {
	attempts := make([]*held, len(tasks))
	for i, task := range tasks {
		code := p.runner.registry.find(task.GetIdentifier())
		if code == nil {
			p.runner.options.logf("no code for task %q %s", task.GetIdentifier().GetName(), task.GetIdentifier().GetVersion())
		}
		attempts[i] = newHeld(ctx, task, code)
	}
	p.pool.accept(attempts)
	// An answer may still bring tasks once leasing has ended.
	if p.loop.polling.Err() != nil {
		p.pool.releaseWaiting()
	}
}

func (p *parts) ended(h *held, result *spanloomv1.TaskResult, entries tracing.Entries) {
	if result == nil {
		// Spans of a lost attempt are true all the same; the attempt's own span is the server's.
		p.store.addEntries(entries)
		return
	}
	p.store.add(h, result, entries)
}

// show sends what attempts that take long have made so far, and what they have had open for long: whoever follows a job
// sees it within a second, and a runner that is killed takes no more than that with it.
func (p *parts) show() {
	now := time.Now()
	for _, each := range p.pool.all() {
		if tracing := each.longRunning(now.Add(-longAttempt)); tracing != nil {
			tracing.DrainTo(p.store.addEntries)
		}
	}
	tracing.ShowOpenSpans(now.Add(-longSpan))
}

// every does something again and again until the runner stops.
func (p *parts) every(interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do()
		case <-p.beating.Done():
			return
		}
	}
}

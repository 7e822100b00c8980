package runner

import (
	"context"
	"sync"
	"time"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/attempt"
	"spanloom.dev/go/internal/tracing"
)

// poolOptions is what a pool takes.
type poolOptions struct {
	concurrency  int
	prefetch     int
	abandonAfter time.Duration
	// Runs the code of an attempt to its end; told is to be called when the attempt is told to stop.
	execute func(h *held, told func()) outcome
	// Told of every attempt that ended; the result is nil when its lease was lost.
	ended func(h *held, result *spanloomv1.TaskResult, entries tracing.Entries)
	// Told when there is room for another.
	freed func()
}

// pool has the attempts a runner holds: those that run and those that wait for a slot.
//
// I1. At most concurrency attempts run; a slot is free again when its attempt has settled.
// I2. Every attempt held leaves once, through ended.
//
// Concurrency: safe from any goroutine.
type pool struct {
	options poolOptions

	mu       sync.Mutex
	held     map[attemptID]*held
	waiting  []*held
	running  int
	prefetch prefetch
	// Closed, and made anew, when the pool has become empty.
	emptied chan struct{}
}

func newPool(options poolOptions) *pool {
	return &pool{
		options:  options,
		held:     map[attemptID]*held{},
		prefetch: prefetch{most: options.prefetch, concurrency: options.concurrency},
		emptied:  make(chan struct{}),
	}
}

// all gives the attempts held: running and waiting.
func (p *pool) all() []*held {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*held, 0, len(p.held))
	for _, each := range p.held {
		all = append(all, each)
	}
	return all
}

// free gives the slots that nothing held will take.
func (p *pool) free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.options.concurrency - len(p.held)
}

// room gives the tasks that may be held besides those that are.
func (p *pool) room() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.options.concurrency + p.prefetch.allowed() - len(p.held)
}

// accept takes attempts over, and starts as many as there are slots for.
func (p *pool) accept(attempts []*held) {
	p.mu.Lock()
	for _, each := range attempts {
		p.held[each.id] = each
		p.waiting = append(p.waiting, each)
	}
	p.mu.Unlock()
	p.pump()
}

// abort tells an attempt to stop; one that has not started ends at once. False when it is not held, or known to be lost.
func (p *pool) abort(id attemptID, kind attempt.AbortKind, why string) bool {
	p.mu.Lock()
	found := p.held[id]
	p.mu.Unlock()
	if found == nil || found.isLost() {
		return false
	}
	p.stop(found, kind, why)
	return true
}

// abortAll tells all that run to stop.
func (p *pool) abortAll(kind attempt.AbortKind, why string) {
	for _, each := range p.all() {
		p.stop(each, kind, why)
	}
}

// releaseWaiting gives back attempts that wait for a slot.
func (p *pool) releaseWaiting() {
	p.dropWaiting(time.Now(), spanloomv1.ReleaseReason_RELEASE_REASON_SHUTDOWN)
}

// releaseStale gives back attempts leased before a time that wait for a slot, when all slots are taken.
func (p *pool) releaseStale(before time.Time) {
	p.mu.Lock()
	full := p.running >= p.options.concurrency
	p.mu.Unlock()
	if full {
		p.dropWaiting(before, spanloomv1.ReleaseReason_RELEASE_REASON_OVERLOADED)
	}
}

// abandonAll settles what still runs, whatever its code does.
func (p *pool) abandonAll() {
	for _, each := range p.all() {
		p.abandon(each)
	}
}

// waitEmpty waits until nothing is held, or ctx is done.
func (p *pool) waitEmpty(ctx context.Context) {
	for {
		p.mu.Lock()
		count, emptied := len(p.held), p.emptied
		p.mu.Unlock()
		if count == 0 {
			return
		}
		select {
		case <-emptied:
		case <-ctx.Done():
			return
		}
	}
}

func (p *pool) pump() {
	for {
		next := p.next()
		if next == nil {
			return
		}
		go p.run(next)
	}
}

// next gives a slot to the first that waits; nil when there is none.
func (p *pool) next() *held {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running < p.options.concurrency && len(p.waiting) > 0 {
		first := p.waiting[0]
		p.waiting[0] = nil
		p.waiting = p.waiting[1:]
		if first.start() {
			p.running++
			return first
		}
	}
	return nil
}

// run runs an attempt in this goroutine, which the code may end.
func (p *pool) run(h *held) {
	var ended *outcome
	defer func() {
		if ended == nil {
			exited := outcomeOf(errGoexit, nil)
			ended = &exited
		}
		if p.settle(h, *ended) {
			p.pump()
		}
	}()
	returned := p.options.execute(h, func() { p.arm(h) })
	ended = &returned
}

// stop tells an attempt to stop; one that waits ends at once.
func (p *pool) stop(h *held, kind attempt.AbortKind, why string) {
	h.abort(kind, why)
	if h.drop() {
		p.end(h, outcomeOf(h.aborted(), h.aborted()), false)
	}
}

// arm abandons an attempt that was told to stop, unless it ends in time.
func (p *pool) arm(h *held) {
	time.AfterFunc(p.options.abandonAfter, func() { p.abandon(h) })
}

// abandon settles an attempt whose code goes on after it was told to stop; its result is what it was told.
func (p *pool) abandon(h *held) {
	told := h.aborted()
	if told == nil {
		told = h.aborting(attempt.Shutdown, "the runner stopped")
	}
	if p.settle(h, outcomeOf(told, told)) {
		p.pump()
	}
}

func (p *pool) settle(h *held, ended outcome) bool {
	if !h.settle() {
		return false
	}
	p.end(h, ended, true)
	return true
}

func (p *pool) end(h *held, ended outcome, ran bool) {
	now := time.Now()
	result, entries := h.finish(now)
	ended.put(result)
	if h.isLost() {
		result = nil
	}
	// Before its slot is free: nobody may find the runner idle while a result is on its way to be reported.
	p.options.ended(h, result, entries)
	p.mu.Lock()
	if p.held[h.id] == h {
		delete(p.held, h.id)
	}
	if ran {
		p.running--
		p.prefetch.note(now.Sub(h.startedAt))
	}
	if len(p.held) == 0 {
		close(p.emptied)
		p.emptied = make(chan struct{})
	}
	p.mu.Unlock()
	p.options.freed()
}

func (p *pool) dropWaiting(before time.Time, reason spanloomv1.ReleaseReason) {
	p.mu.Lock()
	var dropped []*held
	for _, each := range p.waiting {
		if each.leasedAt.Before(before) {
			dropped = append(dropped, each)
		}
	}
	p.mu.Unlock()
	for _, each := range dropped {
		// It stays among those that wait until its turn comes, and is passed over then.
		if each.drop() {
			p.end(each, released(reason), false)
		}
	}
}

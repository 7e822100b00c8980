package runner

import (
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/tracing"
)

const (
	// maxResults is how many results go into a request: the protocol's limit.
	maxResults = 1_000
	// maxBatchBytes is about how large a request gets: a quarter of what a server reads, as sizes are estimates.
	maxBatchBytes = 4 * mib
	// recordBytes is about what a record takes in a request beside its own bytes.
	recordBytes = 16
)

// finished is the result of an attempt.
type finished struct {
	attempt *held
	result  *spanloomv1.TaskResult
	size    int
}

// item is one thing to be sent: a result, or telemetry.
type item struct {
	finished *finished
	entries  tracing.Entries
}

func (i *item) size() int {
	if i.finished != nil {
		return i.finished.size
	}
	return sizeOf(&i.entries)
}

func sizeOf(entries *tracing.Entries) int { return entries.Size + entries.Len()*recordBytes }

// batch is what goes into one request; it stays as it is until the server has acknowledged it.
type batch struct {
	finished []*finished
	entries  tracing.Entries
}

func (b *batch) empty() bool { return len(b.finished) == 0 && b.entries.Len() == 0 }

// results gives its results as they travel.
func (b *batch) results() []*spanloomv1.TaskResult {
	results := make([]*spanloomv1.TaskResult, len(b.finished))
	for i, each := range b.finished {
		results[i] = each.result
	}
	return results
}

// telemetry gives its spans and logs as they travel; nil when there are none.
func (b *batch) telemetry() *spanloomv1.Telemetry {
	if b.entries.Len() == 0 {
		return nil
	}
	made := &spanloomv1.Telemetry{}
	if len(b.entries.Spans) > 0 {
		made.Traces = [][]byte{tracing.EncodeRequest(b.entries.Spans)}
	}
	if len(b.entries.Logs) > 0 {
		made.Logs = [][]byte{tracing.EncodeRequest(b.entries.Logs)}
	}
	return made
}

// split gives two parts to be sent one after the other, telemetry first; false when it is one thing.
func (b *batch) split() (first, second batch, ok bool) {
	switch count := len(b.finished); {
	case count > 0 && b.entries.Len() > 0:
		return batch{entries: b.entries}, batch{finished: b.finished}, true
	case count > 1:
		return batch{finished: b.finished[:count/2]}, batch{finished: b.finished[count/2:]}, true
	case b.entries.Len() > 1:
		before, after := b.entries.Halves()
		return batch{entries: before}, batch{entries: after}, true
	default:
		return batch{}, batch{}, false
	}
}

// store has finished results and telemetry until the server has them.
//
// I1. A result leaves only by acknowledge: a server that is away for minutes loses none.
// I2. One batch is under way at a time, and telemetry of an attempt comes in before its result: the server has the spans
// before, or when, it has the result.
// I3. Nothing is refused: when it is full, it is the caller who stops leasing.
//
// Concurrency: safe from any goroutine.
type store struct {
	maxResultBytes int
	budget         *tracing.Budget
	ready          func()

	mu             sync.Mutex
	queue          []item
	unacknowledged map[*held]bool
	refused        tracing.Entries
	resultBytes    int
	underWay       int
	// Closed, and made anew, when nothing is left to send.
	emptied chan struct{}
}

func newStore(maxResultBytes int, budget *tracing.Budget, ready func()) *store {
	return &store{
		maxResultBytes: maxResultBytes,
		budget:         budget,
		ready:          ready,
		unacknowledged: map[*held]bool{},
		emptied:        make(chan struct{}),
	}
}

// full says whether results should be sent before more work is taken on.
func (s *store) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resultBytes >= s.maxResultBytes
}

// pending says whether there is something to send.
func (s *store) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}

// unreported gives attempts whose results the server may not have: their leases must be kept.
func (s *store) unreported() []*held {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempts := make([]*held, 0, len(s.unacknowledged))
	for each := range s.unacknowledged {
		attempts = append(attempts, each)
	}
	return attempts
}

// add takes the result of an attempt, with the last of its telemetry.
func (s *store) add(attempt *held, result *spanloomv1.TaskResult, entries tracing.Entries) {
	made := &finished{attempt: attempt, result: result, size: proto.Size(result)}
	s.mu.Lock()
	s.addParts(entries)
	s.unacknowledged[attempt] = true
	s.resultBytes += made.size
	s.queue = append(s.queue, item{finished: made})
	s.mu.Unlock()
	s.ready()
}

// addEntries takes telemetry that has no result of its own, or none yet.
func (s *store) addEntries(entries tracing.Entries) {
	if entries.Len() == 0 {
		return
	}
	s.mu.Lock()
	s.addParts(entries)
	s.mu.Unlock()
	s.ready()
}

// take gives the next batch of about maxBatchBytes; an empty one when there is nothing to send.
func (s *store) take() *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := &batch{}
	size := 0
	for len(s.queue) > 0 && len(taken.finished) < maxResults {
		more := s.queue[0].size()
		if size > 0 && size+more > maxBatchBytes {
			break
		}
		size += more
		if first := s.queue[0]; first.finished != nil {
			taken.finished = append(taken.finished, first.finished)
		} else {
			taken.entries.Add(first.entries)
		}
		s.queue[0] = item{}
		s.queue = s.queue[1:]
	}
	if !taken.empty() {
		s.underWay++
	}
	return taken
}

// acknowledge lets go of a batch, or a part of it: the server has it, whatever it made of it.
func (s *store) acknowledge(b *batch) {
	s.budget.Release(b.entries.Size)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, each := range b.finished {
		s.resultBytes -= each.size
		delete(s.unacknowledged, each.attempt)
	}
}

// done says that a batch which was taken is no longer under way.
func (s *store) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay--
	if s.underWay == 0 && len(s.queue) == 0 {
		close(s.emptied)
		s.emptied = make(chan struct{})
	}
}

// keepRefused keeps the telemetry of a batch whose results the server took, and which it had no room for, until
// retryRefused.
func (s *store) keepRefused(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused.Add(b.entries)
	b.entries = tracing.Entries{}
}

// retryRefused sends what was refused once more.
func (s *store) retryRefused() {
	s.mu.Lock()
	entries := s.refused
	s.refused = tracing.Entries{}
	s.addParts(entries)
	s.mu.Unlock()
	if entries.Len() > 0 {
		s.ready()
	}
}

// waitEmpty waits until nothing is left to send or to be acknowledged, at most so long; gives whether it came to that.
func (s *store) waitEmpty(most time.Duration) bool {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		empty, emptied := len(s.queue) == 0 && s.underWay == 0, s.emptied
		s.mu.Unlock()
		if empty {
			return true
		}
		select {
		case <-emptied:
		case <-deadline.C:
			return false
		}
	}
}

// addParts adds telemetry in parts that fit into a batch each.
func (s *store) addParts(entries tracing.Entries) {
	if entries.Len() == 0 {
		return
	}
	if sizeOf(&entries) <= maxBatchBytes || entries.Len() < 2 {
		s.queue = append(s.queue, item{entries: entries})
		return
	}
	first, second := entries.Halves()
	s.addParts(first)
	s.addParts(second)
}

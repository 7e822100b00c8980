package tracing

import "sync"

// Budget is how many bytes of telemetry a runner may hold.
//
// Concurrency: safe from any goroutine.
type Budget struct {
	mu      sync.Mutex
	max     int
	used    int
	dropped int
}

// NewBudget makes a budget of so many bytes.
func NewBudget(maxBytes int) *Budget { return &Budget{max: maxBytes} }

// Release gives bytes back.
func (b *Budget) Release(size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= size
}

// CountDropped counts records that could not be kept.
func (b *Budget) CountDropped(count int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped += count
}

// Dropped gives how many records could not be kept.
func (b *Budget) Dropped() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Used gives the bytes that are held.
func (b *Budget) Used() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// take takes bytes, if there are so many left.
func (b *Budget) take(size int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+size > b.max {
		return false
	}
	b.used += size
	return true
}

// buffer holds encoded spans and log records of one attempt until they are sent.
//
// I1. All buffers of a runner, and what was taken from them, hold at most the budget. Over it the oldest spans of the
// attempt are dropped first, then what is being added; each is counted.
// I2. What was taken gives its bytes back to the budget when the server has it.
// I3. After seal nothing is held here: what still comes is late and handed on at once.
//
// Concurrency: safe from any goroutine.
type buffer struct {
	mu      sync.Mutex
	budget  *Budget
	late    func(Entries)
	entries Entries
	sealed  bool
	dropped int
}

func (b *buffer) addSpan(record Record) { b.add(record, true) }

func (b *buffer) addLog(record Record) { b.add(record, false) }

// countDropped counts one that could not be kept.
func (b *buffer) countDropped() {
	b.mu.Lock()
	b.dropped++
	b.mu.Unlock()
	b.budget.CountDropped(1)
}

func (b *buffer) droppedSoFar() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// drainTo hands on all that is held; before anybody can seal it, so that a result never overtakes it.
func (b *buffer) drainTo(send func(Entries)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries.Len() > 0 {
		send(b.drain())
	}
}

// seal takes all that is held; what comes later is handed on (I3).
func (b *buffer) seal() Entries {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	return b.drain()
}

func (b *buffer) drain() Entries {
	taken := b.entries
	b.entries = Entries{}
	return taken
}

func (b *buffer) add(record Record, isSpan bool) {
	if b.keep(record, isSpan) {
		return
	}
	if isSpan {
		b.late(entriesOf([]Record{record}, nil))
	} else {
		b.late(entriesOf(nil, []Record{record}))
	}
}

// keep adds a record, or counts it; false when it is late.
func (b *buffer) keep(record Record, isSpan bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.makeRoom(len(record.data)):
		b.dropped++
		b.budget.CountDropped(1)
		return true
	case b.sealed:
		return false
	case isSpan:
		b.entries.Spans = append(b.entries.Spans, record)
	default:
		b.entries.Logs = append(b.entries.Logs, record)
	}
	b.entries.Size += len(record.data)
	return true
}

func (b *buffer) makeRoom(size int) bool {
	for !b.budget.take(size) {
		// What has no room even alone makes no other go.
		if len(b.entries.Spans) == 0 || size > b.budget.max {
			return false
		}
		oldest := len(b.entries.Spans[0].data)
		b.entries.Spans[0] = Record{}
		b.entries.Spans = b.entries.Spans[1:]
		b.entries.Size -= oldest
		b.budget.Release(oldest)
		b.budget.CountDropped(1)
		b.dropped++
	}
	return true
}

package runner

import "time"

// prefetchTime is how much work is held beyond what runs: a few round trips on loopback.
const prefetchTime = 5 * time.Millisecond

// prefetchWeight is the weight of the newest duration: one long attempt among tiny ones changes little, a dozen change all.
const prefetchWeight = 1.0 / 16

// prefetch says how many tasks to hold beyond those that run.
//
// Holding more keeps the pipe full when tasks take microseconds; it would let tasks wait here, while another runner is
// free, when they take long. So what is held may be at most prefetchTime of work.
type prefetch struct {
	most        int
	concurrency int
	known       bool
	average     float64
}

// note takes note of how long an attempt took.
func (p *prefetch) note(took time.Duration) {
	if !p.known {
		p.known, p.average = true, float64(took)
		return
	}
	p.average += (float64(took) - p.average) * prefetchWeight
}

// allowed gives the tasks to hold beyond those that run; 0 until a first attempt has ended.
func (p *prefetch) allowed() int {
	if !p.known {
		return 0
	}
	return min(p.most, int(float64(p.concurrency)*float64(prefetchTime)/max(p.average, float64(time.Microsecond))))
}

package rpc

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstDelay = 50 * time.Millisecond
	maxDelay   = 5 * time.Second
)

// Delay is how long to wait before call number attempt+1: drawn from zero to a bound that doubles, and never less than
// the server asked for.
func Delay(attempt int, least time.Duration) time.Duration {
	return delay(attempt, least, rand.Float64())
}

// delay is Delay with the number drawn, in [0, 1).
func delay(attempt int, least time.Duration, draw float64) time.Duration {
	return max(least, time.Duration(draw*float64(bound(attempt))))
}

func bound(attempt int) time.Duration {
	return min(maxDelay, firstDelay<<min(attempt-1, 30))
}

// Pause waits. Errors: ctx's, as soon as it is done.
func Pause(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

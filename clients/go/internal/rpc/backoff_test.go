package rpc

import (
	"testing"
	"time"

	"spanloom.dev/go/internal/vectors"
)

func TestWaitsAsEveryClientDoes(t *testing.T) {
	known := vectors.Read[struct {
		Waits []struct {
			Name                  string
			Attempt               int
			Draw                  float64
			RetryAfterMs, DelayMs int64
		}
	}](t, "retries.json")
	for _, each := range known.Waits {
		got := delay(each.Attempt, time.Duration(each.RetryAfterMs)*time.Millisecond, each.Draw)
		if want := time.Duration(each.DelayMs) * time.Millisecond; got != want {
			t.Errorf("%s: it waits %s, want %s", each.Name, got, want)
		}
	}
}

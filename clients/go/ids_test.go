package spanloom

import (
	"sort"
	"strings"
	"testing"
	"time"
)

func TestIDsAreVersion7OfTheTimeTheyWereMade(t *testing.T) {
	before := time.Now().UnixMilli()
	id := NewID()
	if !IsID(id) || id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Errorf("%s is no UUIDv7", id)
	}
	var at int64
	for _, char := range strings.ReplaceAll(id[:13], "-", "") {
		at = at<<4 | int64(strings.IndexRune("0123456789abcdef", char))
	}
	if at < before || at > time.Now().UnixMilli() {
		t.Errorf("%s says %d, made at %d", id, at, before)
	}
}

func TestIDsNeverRepeat(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		seen[NewID()] = true
	}
	if len(seen) != 10_000 {
		t.Errorf("%d different ids of 10000", len(seen))
	}
}

func TestEveryAttemptHasItsOwnSpan(t *testing.T) {
	var all []string
	for range 1000 {
		id := NewID()
		all = append(all, SpanIDOf(id))
		for attempt := range uint32(10) {
			all = append(all, AttemptSpanID(id, attempt+1))
		}
	}
	sort.Strings(all)
	for at := range all[1:] {
		if all[at] == all[at+1] || len(all[at]) != 16 {
			t.Fatalf("span %s is there twice, or too short", all[at])
		}
	}
}

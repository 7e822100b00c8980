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

func TestWhatIsNoIDIsToldApart(t *testing.T) {
	for _, text := range []string{
		"", "0190163d", "0190163D-8694-739B-AEA5-966C26F8AD91", "0190163d-8694-739b-aea5-966c26f8ad91 ",
		"0190163d+8694-739b-aea5-966c26f8ad91", "g190163d-8694-739b-aea5-966c26f8ad91",
	} {
		if IsID(text) || SpanIDOf(text) != "" || TraceIDOfJob(text) != "" || AttemptSpanID(text, 1) != "" {
			t.Errorf("%q is taken for an id", text)
		}
	}
}

func TestSpanIDsAreAsReleased(t *testing.T) {
	const id = "0190163d-8694-739b-aea5-966c26f8ad91"
	if got := TraceIDOfJob(id); got != "0190163d8694739baea5966c26f8ad91" {
		t.Errorf("trace %s", got)
	}
	if got := SpanIDOf(id); got != "aea5966c26f8ad91" {
		t.Errorf("span %s", got)
	}
	for attempt, want := range map[uint32]string{
		1: "8c0aca4a77c10654", 2: "a2faca936b4e79cc", 3: "3c342b0bdd1c74c5", 4294967295: "6bb201669e5524f7",
	} {
		if got := AttemptSpanID(id, attempt); got != want {
			t.Errorf("attempt %d has span %s, want %s", attempt, got, want)
		}
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

package query_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/query"
)

func TestFollowsWhatComes(t *testing.T) {
	url := testserver.Shared(t).URL
	queries := query.New(clientOf(t, url))
	traceID := strings.ReplaceAll(spanloom.NewID(), "-", "")
	sendSteps(t, url, traceID, 0, 1)
	ctx, cancel := context.WithTimeout(t.Context(), testserver.Deadline)
	defer cancel()
	position := ""
	options := query.TailOptions{Existing: true, OnPosition: func(at string) { position = at }}
	seen := map[string]bool{}
	for batch, err := range queries.Spans(query.Trace(traceID)).Columns("span_id").Tail(options).Batches(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(batch.NumRows()) {
			seen[batch.Column(0).ValueStr(row)] = true
		}
		if len(seen) == 1 && position == "" {
			sendSteps(t, url, traceID, 1, 1)
		}
		if len(seen) == 2 {
			break
		}
	}
	sendSteps(t, url, traceID, 2, 1)
	later := query.TailOptions{Position: position}
	for batch, err := range queries.Spans(query.Trace(traceID)).Columns("span_id").Tail(later).Batches(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if batch.NumRows() > 0 {
			break
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	defer stop()
	sendLogs(t, url, traceID, 1)
	logs := queries.Logs(query.Trace(traceID)).Tail(query.TailOptions{Existing: true})
	var last error
	for _, err := range logs.Batches(stopped) {
		last = err
		stop()
	}
	if !errors.Is(last, context.Canceled) {
		t.Error(last)
	}
}

func TestATailOfAJobEndsWithIt(t *testing.T) {
	client := clientOf(t, testserver.Shared(t).URL)
	task := spanloom.Declare[int, int]("nobody", "1.0", spanloom.WithQueue(testserver.Queue(t)))
	handle, err := spanloom.SubmitJob(t.Context(), client, task, 1)
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	for batch, err := range query.New(client).Spans(query.Job(handle.ID())).Tail(query.TailOptions{Existing: true}).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if rows == 0 {
			if _, err := handle.Cancel(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		}
		rows += batch.NumRows()
	}
	if rows < 3 {
		t.Errorf("%d rows", rows)
	}
}

func TestATailIsTriedAgainWhenTheServerWasAway(t *testing.T) {
	server := testserver.New(t)
	queries := query.New(clientOf(t, server.URL))
	traceID := strings.ReplaceAll(spanloom.NewID(), "-", "")
	sendSteps(t, server.URL, traceID, 0, 1)
	interrupted := false
	options := query.TailOptions{Existing: true, OnInterrupted: func(err error) {
		if !interrupted {
			server.Start(t)
			sendSteps(t, server.URL, traceID, 1, 1)
		}
		interrupted = true
		if !spanloom.ReasonOf(err).Retryable() {
			t.Error(err)
		}
	}}
	seen := map[string]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), testserver.Deadline)
	defer cancel()
	for batch, err := range queries.Spans(query.Trace(traceID)).Columns("span_id").Tail(options).Batches(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(batch.NumRows()) {
			seen[batch.Column(0).ValueStr(row)] = true
		}
		if len(seen) == 1 && !interrupted {
			server.Kill()
		}
		if len(seen) == 2 {
			break
		}
	}
	if !interrupted {
		t.Error("nobody was told")
	}
}

func TestATailHasNoOrderAndNoLimit(t *testing.T) {
	queries := query.New(clientOf(t, spanloom.DefaultURL))
	for _, tail := range []*query.Tail{
		queries.Spans().Limit(1).Tail(query.TailOptions{}), queries.Logs().OrderBy("time").Tail(query.TailOptions{}),
	} {
		for _, err := range tail.Batches(t.Context()) {
			if !errors.Is(err, spanloom.InvalidField) {
				t.Error(err)
			}
		}
	}
}

// Package query asks for spans and log records, and gives them as Arrow: rows are read where they were received, and are
// never Go objects of their own.
//
//	queries := query.New(client)
//	slow := queries.Spans(query.Type(query.AttemptSpan), query.Duration(time.Second, 0)).OrderBy("-duration_ns").Limit(100)
//	table, err := slow.Table(ctx)
//
// It is a package of its own so that programs that ask for nothing link no Arrow. Conditions are those of
// docs/querying.md, columns those of docs/schema.md.
package query

import (
	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
)

// Client makes queries to a server.
//
// Concurrency: safe from any goroutine, as its queries are.
type Client struct {
	client *spanloom.Client
}

// New makes queries to the server of a client, with its connections, token and errors.
func New(client *spanloom.Client) *Client { return &Client{client: client} }

// Spans describes a query for spans that all conditions hold for; nothing is sent before one of its methods runs it.
func (c *Client) Spans(conditions ...Condition) *SpanQuery {
	return (&SpanQuery{client: c}).Where(conditions...)
}

// Logs describes a query for log records that all conditions hold for.
func (c *Client) Logs(conditions ...Condition) *LogQuery {
	return (&LogQuery{client: c}).Where(conditions...)
}

// CriticalPath describes a query for what decided how long a job took, or has taken so far: segments in order of time,
// whose lengths sum to the job's duration. With userSpans it goes on from attempts to the spans below them.
func (c *Client) CriticalPath(jobID string, userSpans bool) *Query {
	request := &spanloomv1.GetCriticalPathRequest{JobId: jobID, IncludeUserSpans: userSpans}
	return newQuery(c, spanloomv1connect.QueryServiceGetCriticalPathProcedure, request, nil)
}

// Compare describes a comparison of two jobs by span name: one row for each.
func (c *Client) Compare(baseJobID, otherJobID string) *Query {
	request := &spanloomv1.CompareJobsRequest{BaseJobId: baseJobID, OtherJobId: otherJobID}
	return newQuery(c, spanloomv1connect.QueryServiceCompareJobsProcedure, request, nil)
}

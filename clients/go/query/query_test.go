package query_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/query"
)

const steps = 20

func TestMain(m *testing.M) { os.Exit(testserver.Run(m)) }

func clientOf(t *testing.T, url string) *spanloom.Client {
	t.Helper()
	client, err := spanloom.NewClient(spanloom.ClientOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// sent gives queries of a server, and the trace of 20 spans and as many log records that were sent to it.
func sent(t *testing.T) (*query.Client, string) {
	t.Helper()
	url := testserver.Shared(t).URL
	queries := query.New(clientOf(t, url))
	traceID := strings.ReplaceAll(spanloom.NewID(), "-", "")
	sendSteps(t, url, traceID, 0, steps)
	sendLogs(t, url, traceID, steps)
	testserver.Until(t, "spans and logs to be found", func() bool {
		return rowsOf(t, &queries.Spans(query.Trace(traceID)).Query) == steps &&
			rowsOf(t, &queries.Logs(query.Trace(traceID)).Query) == steps
	})
	return queries, traceID
}

func sendSteps(t *testing.T, url, traceID string, first, count int) {
	t.Helper()
	var spans []*tracepb.Span
	start := uint64(time.Now().Add(-time.Minute).UnixNano())
	for index := range count {
		span := &tracepb.Span{
			TraceId: unhex(t, traceID), SpanId: unhex(t, fmt.Sprintf("%016x", first+index+1)), Name: "step",
			Kind: tracepb.Span_SPAN_KIND_CLIENT, StartTimeUnixNano: start + uint64(index)*1000,
			EndTimeUnixNano: start + uint64(index)*1000 + uint64(index+1)*uint64(time.Millisecond),
			Attributes: []*commonpb.KeyValue{
				{Key: "index", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(index)}}},
				{Key: "even", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: index%2 == 0}}},
				{Key: "share", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: float64(index) / 2}}},
			},
		}
		if index == 0 {
			span.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
			span.Events = []*tracepb.Span_Event{{Name: "exception", Attributes: []*commonpb.KeyValue{text("exception.type", "IOError")}}}
		}
		spans = append(spans, span)
	}
	post(t, url+"/v1/traces", &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "steps"), text("zone", "a")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}},
	}}})
}

func sendLogs(t *testing.T, url, traceID string, count int) {
	t.Helper()
	var records []*logspb.LogRecord
	for index := range count {
		records = append(records, &logspb.LogRecord{
			TraceId: unhex(t, traceID), TimeUnixNano: uint64(time.Now().UnixNano()) + uint64(index),
			SeverityNumber: logspb.SeverityNumber(1 + index%2*12), Body: &commonpb.AnyValue{
				Value: &commonpb.AnyValue_StringValue{StringValue: fmt.Sprintf("step %d", index)}},
		})
	}
	post(t, url+"/v1/logs", &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
		Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "steps")}},
		ScopeLogs: []*logspb.ScopeLogs{{LogRecords: records}},
	}}})
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func post(t *testing.T, url string, message proto.Message) {
	t.Helper()
	data, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(url, "application/x-protobuf", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %s", url, answer.Status)
	}
}

func tableOf(t *testing.T, q *query.Query) arrow.Table {
	t.Helper()
	table, err := q.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func rowsOf(t *testing.T, q *query.Query) int64 {
	t.Helper()
	return tableOf(t, q).NumRows()
}

func TestGivesATableWithTheSchemaOfTheDocumentation(t *testing.T) {
	queries, traceID := sent(t)
	table := tableOf(t, &queries.Spans(query.Trace(traceID)).Query)
	for name, want := range map[string]arrow.DataType{
		"start_time": &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}, "duration_ns": arrow.PrimitiveTypes.Int64,
		"span_id": arrow.BinaryTypes.String, "attempt": arrow.PrimitiveTypes.Uint32,
	} {
		if found, ok := table.Schema().FieldsByName(name); !ok || !arrow.TypeEqual(found[0].Type, want) {
			t.Errorf("%s is %v, want %s", name, found, want)
		}
	}
	if found, _ := table.Schema().FieldsByName("name"); found[0].Type.ID() != arrow.DICTIONARY {
		t.Errorf("name is %v", found)
	}
	none := tableOf(t, &queries.Spans(query.Trace(traceID), query.Name(query.Exact("nothing"))).Query)
	if none.NumRows() != 0 || none.NumCols() != table.NumCols() {
		t.Errorf("%d rows of %d columns", none.NumRows(), none.NumCols())
	}
}

func TestSelectsSpansByConditions(t *testing.T) {
	queries, traceID := sent(t)
	whole := queries.Spans(query.Trace(strings.ToUpper(traceID)))
	for index, each := range []struct {
		condition query.Condition
		rows      int64
	}{
		{query.Name(query.Exact("step")), 20},
		{query.Name(query.Prefix("st"), query.Exact("other")), 20},
		{query.Name(query.Containing("TE")), 0},
		{query.Name(query.Regex("^s.*p$")), 20},
		{query.Type(query.UserSpan), 20},
		{query.Type(query.JobSpan, query.AttemptSpan), 0},
		{query.Type(), 0},
		{query.Job(), 0},
		{query.Or(), 0},
		{query.Not(query.Or()), 20},
		{query.And(), 20},
		{query.Kind(trace.SpanKindClient), 20},
		{query.Status(query.StatusError), 1},
		{query.Status(query.StatusUnset, query.StatusOK), 19},
		{query.Span("0000000000000001", "0000000000000002"), 2},
		{query.Parent("0000000000000001"), 0},
		{query.Service("steps"), 20},
		{query.Runner("none"), 0},
		{query.Queue(""), 20},
		{query.Outcome("success"), 0},
		{query.Open(true), 0},
		{query.Duration(11*time.Millisecond, 0), 10},
		{query.Duration(0, 10*time.Millisecond), 10},
		{query.Within(time.Now().Add(-time.Hour), time.Now()), 20},
		{query.Within(time.Time{}, time.Now().Add(-time.Hour)), 0},
		{query.Event(query.Exact("exception")), 1},
		{query.Exception(query.Containing("IO")), 1},
		{query.Attribute("even", query.Equal, true), 10},
		{query.Attribute("even", query.NotEqual, true), 10},
		{query.Attribute("index", query.Equal, 3), 1},
		{query.Attribute("index", query.Equal, 3.0), 1},
		{query.Attribute("index", query.NotEqual, uint8(3)), 19},
		{query.Attribute("index", query.GreaterOrEqual, 17.5), 2},
		{query.Attribute("index", query.Less, 2.5), 3},
		{query.Attribute("share", query.Equal, 3), 1},
		{query.Attribute("share", query.LessOrEqual, 1), 3},
		{query.HasAttribute("index"), 20},
		{query.HasAttribute("other"), 0},
		{query.Resource("zone", query.Equal, "a"), 20},
		{query.HasResource("zone"), 20},
		{query.Resource("zone", query.Contains, "b"), 0},
		{query.Or(query.Attribute("index", query.Equal, 1), query.And(query.Status(query.StatusError), query.Kind(trace.SpanKindClient))), 2},
		{query.Not(query.Attribute("index", query.Less, 15)), 5},
		{query.Trigger(&spanloomv1.TriggerFilter{Schedules: []string{"none"}}), 0},
		{query.Task(spanloom.NewID()), 0},
	} {
		if rows := rowsOf(t, &whole.Where(each.condition).Columns("span_id").Query); rows != each.rows {
			t.Errorf("condition %d has %d rows, want %d", index, rows, each.rows)
		}
	}
	both := whole.Where(query.Attribute("index", query.Greater, 4), query.Attribute("index", query.Less, 7))
	if rows := rowsOf(t, &both.Query); rows != 2 {
		t.Errorf("two conditions of a kind have %d rows", rows)
	}
}

func TestGivesLogs(t *testing.T) {
	queries, traceID := sent(t)
	whole := queries.Logs(query.Trace(traceID))
	for index, each := range []struct {
		condition query.Condition
		rows      int64
	}{
		{query.MinSeverity(query.SeverityWarn), 10},
		{query.Body(query.Exact("step 7")), 1},
		{query.Or(query.Body(query.Exact("step 7")), query.Body(query.Exact("step 8"))), 2},
		{query.Not(query.Body(query.Exact("step 7"))), 19},
		{query.Or(), 0},
		{query.Service("steps"), 20},
		{query.Service(), 0},
		{query.Within(time.Now().Add(time.Hour), time.Time{}), 0},
		{query.HasAttribute("x"), 0},
		{query.Resource("service.name", query.NotEqual, "steps"), 0},
	} {
		if rows := rowsOf(t, &whole.Where(each.condition).Query); rows != each.rows {
			t.Errorf("condition %d has %d rows, want %d", index, rows, each.rows)
		}
	}
	table := tableOf(t, &whole.Columns("body").OrderBy("-time").Limit(2).Query)
	if got := fmt.Sprint(table.Column(0).Data().Chunk(0)); got != `["step 19" "step 18"]` {
		t.Error(got)
	}
}

func TestProjectsOrdersAndLimits(t *testing.T) {
	queries, traceID := sent(t)
	index := &spanloomv1.AttributeColumn{Key: "index", Type: spanloomv1.ColumnType_COLUMN_TYPE_INT64}
	table := tableOf(t, &queries.Spans(query.Trace(traceID)).Where(query.Attribute("even", query.Equal, true)).
		Columns("name").AttributeColumns(index).OrderBy("-start_time").Limit(3).Query)
	if got := fmt.Sprint(table.Column(1).Data().Chunk(0)); table.NumCols() != 2 || got != "[18 16 14]" {
		t.Errorf("%s of %d columns", got, table.NumCols())
	}
}

func TestAggregates(t *testing.T) {
	queries, traceID := sent(t)
	whole := queries.Spans(query.Trace(traceID))
	even := &spanloomv1.AttributeColumn{Key: "even", Type: spanloomv1.ColumnType_COLUMN_TYPE_BOOL}
	table := tableOf(t, whole.Aggregate(query.Aggregation{
		GroupBy: []string{"name"}, GroupByAttributes: []*spanloomv1.AttributeColumn{even},
		Measures: []spanloomv1.Measure{query.Count, query.Max}, OrderBy: []string{"-max_ns"}, Limit: 5,
	}))
	if table.NumRows() != 2 || fmt.Sprint(table.Column(2).Data().Chunk(0)) != "[10 10]" {
		t.Errorf("%v", table)
	}
	buckets := tableOf(t, whole.Aggregate(query.Aggregation{TimeBucket: time.Hour, Measures: []spanloomv1.Measure{query.Count}}))
	if buckets.NumRows() < 1 || buckets.NumCols() != 2 {
		t.Errorf("%v", buckets)
	}
	for want, refused := range map[string]*query.Query{
		"Aggregate follows":              whole.Limit(1).Aggregate(query.Aggregation{}),
		"time_bucket is -1ns":            whole.Aggregate(query.Aggregation{TimeBucket: -1}),
		`"body" is no condition on span`: whole.Where(query.Body(query.Exact("x"))).Aggregate(query.Aggregation{}),
	} {
		if _, err := refused.Table(t.Context()); !errors.Is(err, spanloom.InvalidField) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

func TestExplainsAndComparesJobs(t *testing.T) {
	url := testserver.Shared(t).URL
	client := clientOf(t, url)
	task := spanloom.Declare[int, int]("nobody", "1.0", spanloom.WithQueue(testserver.Queue(t)))
	handle, err := spanloom.SubmitJob(t.Context(), client, task, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handle.Cancel(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	queries := query.New(client)
	testserver.Until(t, "the job's span to end", func() bool {
		return rowsOf(t, &queries.Spans(query.Job(handle.ID()), query.Type(query.JobSpan), query.Open(false)).Query) == 1
	})
	if rows := rowsOf(t, queries.CriticalPath(handle.ID(), false)); rows < 1 {
		t.Errorf("a critical path of %d segments", rows)
	}
	if rows := rowsOf(t, queries.Compare(handle.ID(), handle.ID())); rows != 2 {
		t.Errorf("a comparison of %d rows", rows)
	}
	if _, err := queries.CriticalPath(spanloom.NewID(), true).Table(t.Context()); !errors.Is(err, spanloom.JobNotFound) {
		t.Error(err)
	}
}

func TestRefusesConditionsThatCannotBe(t *testing.T) {
	queries := query.New(clientOf(t, spanloom.DefaultURL))
	for want, refused := range map[string]*query.Query{
		`cannot query: trace is "xyz", must be 32 hex digits`:                           &queries.Spans(query.Trace("xyz")).Query,
		`cannot query: span is "xyz", must be 16 hex digits`:                            &queries.Logs(query.Not(query.Span("xyz"))).Query,
		`cannot query: duration is -1ns to 0s, must be at least 0s`:                     &queries.Spans(query.Duration(-1, 0)).Query,
		`cannot query: min_severity is 25, must be a whole number in 1..24`:             &queries.Logs(query.MinSeverity(25)).Query,
		`cannot query: "min_severity" is no condition on spans`:                         &queries.Spans(query.Or(query.MinSeverity(9))).Query,
		`cannot query: "duration" is no condition on log records`:                       &queries.Logs(query.And(query.Duration(1, 2))).Query,
		`cannot query: attributes["a"] is []int(nil), must be text, a number or a bool`: &queries.Spans(query.Attribute("a", query.Equal, []int(nil))).Query,
		`cannot query: attributes["a"] is NaN, must be text, a number or a bool`:        &queries.Spans(query.Attribute("a", query.Equal, math.NaN())).Query,
		`cannot query: resource["a"] is 1, must be text, a number or a bool`:            &queries.Logs(query.Resource("a", query.Contains, 1)).Query,
		`cannot query: attributes["a"] is compared by COMPARISON_EXISTS, which takes no value`: &queries.Spans(
			query.Attribute("a", spanloomv1.Comparison_COMPARISON_EXISTS, 1)).Query,
	} {
		_, err := refused.Table(t.Context())
		if !errors.Is(err, spanloom.InvalidField) || err.Error() != want {
			t.Errorf("%v; want %s", err, want)
		}
		for _, err := range refused.Batches(t.Context()) {
			if err == nil || err.Error() != want {
				t.Errorf("%v; want %s", err, want)
			}
		}
	}
}

func TestTheServerRefusesWhatItCannotServe(t *testing.T) {
	queries := query.New(clientOf(t, testserver.Shared(t).URL))
	if _, err := queries.Spans().Columns("nothing").Table(t.Context()); spanloom.ReasonOf(err) != spanloom.UnsupportedQuery && spanloom.ReasonOf(err) != spanloom.InvalidField {
		t.Error(err)
	}
	if _, err := queries.Spans(query.Name(query.Regex("("))).Table(t.Context()); err == nil || spanloom.ReasonOf(err).Retryable() {
		t.Error(err)
	}
}

func TestGivesManyBatchesAndOneDictionary(t *testing.T) {
	url := testserver.Shared(t).URL
	queries := query.New(clientOf(t, url))
	traceID := strings.ReplaceAll(spanloom.NewID(), "-", "")
	const count = 40_000
	for first := 0; first < count; first += 10_000 {
		sendSteps(t, url, traceID, first, 10_000)
	}
	whole := queries.Spans(query.Trace(traceID))
	testserver.Until(t, "all spans to be found", func() bool { return rowsOf(t, &whole.Columns("name").Query) == count })
	table := tableOf(t, &whole.Query)
	column := table.Column(table.Schema().FieldIndices("trace_id")[0]).Data()
	if table.NumRows() != count || len(column.Chunks()) < 2 {
		t.Fatalf("%d rows in %d chunks", table.NumRows(), len(column.Chunks()))
	}
	first, ok := column.Chunk(0).(*array.Dictionary)
	if !ok {
		t.Fatalf("trace_id is a %T", column.Chunk(0))
	}
	for _, chunk := range column.Chunks() {
		if other, ok := chunk.(*array.Dictionary); !ok || !array.Equal(other.Dictionary(), first.Dictionary()) {
			t.Errorf("a dictionary of its own: %v", other.Dictionary())
		}
	}
	rows, batches := int64(0), 0
	for batch, err := range whole.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows += batch.NumRows()
		batches++
	}
	if rows != count || batches < 2 {
		t.Errorf("%d rows in %d batches", rows, batches)
	}
	for batch, err := range whole.Batches(t.Context()) {
		if err != nil || batch.NumRows() == 0 {
			t.Error(batch, err)
		}
		break
	}
}

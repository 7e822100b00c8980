package spanloom

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
	"spanloom.dev/go/internal/vectors"
)

// payloadVector has in Value what a vector describes, in Bytes text or an object that holds base64.
type payloadVector struct {
	vectors.Refusal
	Name   string
	Value  any
	Bytes  any
	Others map[string]any
}

type payloadVectors struct{ Encode, Decode, Orders []payloadVector }

func (v payloadVector) bytes(t *testing.T) []byte {
	t.Helper()
	if text, ok := v.Bytes.(string); ok {
		return []byte(text)
	}
	data, err := base64.StdEncoding.DecodeString(v.Bytes.(map[string]any)["base64"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPayloadsAreWrittenAsInEveryLanguage(t *testing.T) {
	for _, each := range vectors.Read[payloadVectors](t, "payloads.json").Encode {
		t.Run(each.Name, func(t *testing.T) {
			data, err := encodePayload(vectors.Untagged(t, each.Value), "cannot test")
			if each.IsRefused() {
				wantRefused(t, err, each.Refusal, "cannot test: its payload cannot be written as JSON: "+each.Place)
				return
			}
			want := each.Bytes
			if own, ok := each.Others["go"]; ok {
				want = own
			}
			if err != nil || string(data) != want {
				t.Errorf("%q, %v; want %q", data, err, want)
			}
		})
	}
}

func TestPayloadsAreReadAsInEveryLanguage(t *testing.T) {
	for _, each := range vectors.Read[payloadVectors](t, "payloads.json").Decode {
		t.Run(each.Name, func(t *testing.T) {
			value, err := decodePayload[any](each.bytes(t), "cannot test")
			if each.IsRefused() {
				wantRefused(t, err, each.Refusal, "cannot test: its payload is not JSON in UTF-8: ")
				return
			}
			described := each.Value
			if own, ok := each.Others["go"]; ok {
				described = own
			}
			if want := vectors.Untagged(t, described); err != nil || !equal(value, want) {
				t.Errorf("%#v, %v; want %#v", value, err, want)
			}
		})
	}
}

// equal compares what encoding/json reads into any with a value whose whole numbers are int64.
func equal(got, want any) bool {
	switch want := want.(type) {
	case int64:
		return got == float64(want)
	case float64:
		number, ok := got.(float64)
		return ok && number == want && math.Signbit(number) == math.Signbit(want)
	case []any:
		list, ok := got.([]any)
		same := ok && len(list) == len(want)
		for index := 0; same && index < len(want); index++ {
			same = equal(list[index], want[index])
		}
		return same
	case map[string]any:
		object, ok := got.(map[string]any)
		same := ok && len(object) == len(want)
		for key := range want {
			same = same && equal(object[key], want[key])
		}
		return same
	default:
		return reflect.DeepEqual(got, want)
	}
}

type vectorLine struct {
	SKU   string   `json:"sku"`
	Count int      `json:"count"`
	Price *float64 `json:"price,omitempty"`
}

type vectorOrder struct {
	ID       string            `json:"id"`
	PlacedAt time.Time         `json:"placed_at"`
	Lines    []vectorLine      `json:"lines,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Photo    []byte            `json:"photo,omitempty"`
	Note     *string           `json:"note,omitempty"`
}

func (o vectorOrder) text(t *testing.T) string {
	t.Helper()
	o.PlacedAt = o.PlacedAt.UTC()
	data, err := Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestStructsAreReadAsInEveryLanguage(t *testing.T) {
	for _, each := range vectors.Read[payloadVectors](t, "payloads.json").Orders {
		t.Run(each.Name, func(t *testing.T) {
			order, err := decodePayload[vectorOrder](each.bytes(t), "cannot test")
			if each.IsRefused() {
				place := "input"
				if each.Place != "" {
					place += "." + each.Place
				}
				wantRefused(t, err, each.Refusal, "cannot test: "+place+" is ")
				return
			}
			described, _ := Encode(vectors.Untagged(t, each.Value))
			want, problem := Decode[vectorOrder](described)
			if err != nil || problem != nil || order.text(t) != want.text(t) {
				t.Errorf("%s, %v; want %s, %v", order.text(t), err, want.text(t), problem)
			}
		})
	}
}

func wantRefused(t *testing.T, err error, want vectors.Refusal, start string) {
	t.Helper()
	var problem *Error
	if !errors.As(err, &problem) {
		t.Fatalf("it is not refused: %v", err)
	}
	if string(problem.Reason) != want.Reason || !strings.HasPrefix(problem.Message, start) {
		t.Errorf("%s: %s; want %s: %s", problem.Reason, problem.Message, want.Reason, start)
	}
	if want.Field != "" && problem.Field != want.Field {
		t.Errorf("the field is %q, want %q", problem.Field, want.Field)
	}
	if problem.Limit != want.Limit || problem.Actual != want.Actual {
		t.Errorf("limit %d and actual %d, want %d and %d", problem.Limit, problem.Actual, want.Limit, want.Actual)
	}
}

func TestIDsAreDerivedAsInEveryLanguage(t *testing.T) {
	known := vectors.Read[struct {
		Derived []struct {
			ID             string
			TraceID        string
			SpanID         string
			AttemptSpanIDs map[uint32]string
		}
		UUIDs struct{ Valid, Invalid []string }
	}](t, "ids.json")
	for _, each := range known.Derived {
		if TraceIDOfJob(each.ID) != each.TraceID || SpanIDOf(each.ID) != each.SpanID {
			t.Errorf("%s has trace %s and span %s", each.ID, TraceIDOfJob(each.ID), SpanIDOf(each.ID))
		}
		for attempt, want := range each.AttemptSpanIDs {
			if got := AttemptSpanID(each.ID, attempt); got != want {
				t.Errorf("attempt %d of %s has span %s, want %s", attempt, each.ID, got, want)
			}
		}
	}
	for _, text := range known.UUIDs.Valid {
		if !IsID(text) {
			t.Errorf("%q is taken for no id", text)
		}
	}
	for _, text := range known.UUIDs.Invalid {
		if IsID(text) || SpanIDOf(text) != "" || TraceIDOfJob(text) != "" || AttemptSpanID(text, 1) != "" {
			t.Errorf("%q is taken for an id", text)
		}
	}
}

// optionsVector are options of tasks as the vectors name them.
type optionsVector struct {
	Queue          string
	Priority       *int32
	Optional       bool
	TimeoutMs      int64
	QueueTimeoutMs int64
	Retry          *struct {
		MaxAttempts       uint32
		InitialDelayMs    int64
		Factor            float64
		MaxDelayMs        int64
		Jitter            float64
		NonRetryableTypes []string
	}
	Concurrency *struct {
		Key, Policy string
		Limit       uint32
	}
	RateLimit *struct {
		Key      string
		Limit    uint32
		WindowMs int64
	}
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

func (o optionsVector) options() []SpecOption {
	var made []SpecOption
	if o.Queue != "" {
		made = append(made, WithQueue(o.Queue))
	}
	if o.Priority != nil {
		made = append(made, WithPriority(*o.Priority))
	}
	if o.Optional {
		made = append(made, WithOptional(true))
	}
	if o.TimeoutMs != 0 {
		made = append(made, WithTimeout(milliseconds(o.TimeoutMs)))
	}
	if o.QueueTimeoutMs != 0 {
		made = append(made, WithQueueTimeout(milliseconds(o.QueueTimeoutMs)))
	}
	if o.Retry != nil {
		made = append(made, WithRetry(Retry{
			MaxAttempts: o.Retry.MaxAttempts, InitialDelay: milliseconds(o.Retry.InitialDelayMs), Factor: o.Retry.Factor,
			MaxDelay: milliseconds(o.Retry.MaxDelayMs), Jitter: o.Retry.Jitter, NonRetryableTypes: o.Retry.NonRetryableTypes,
		}))
	}
	if o.Concurrency != nil {
		policies := map[string]spanloomv1.ConcurrencyPolicy{"rejectNew": spanloomv1.ConcurrencyPolicy_CONCURRENCY_POLICY_REJECT_NEW}
		made = append(made, WithConcurrency(Concurrency{
			Key: o.Concurrency.Key, Limit: o.Concurrency.Limit, Policy: policies[o.Concurrency.Policy],
		}))
	}
	if o.RateLimit != nil {
		made = append(made, WithRateLimit(RateLimit{
			Key: o.RateLimit.Key, Limit: o.RateLimit.Limit, Window: milliseconds(o.RateLimit.WindowMs),
		}))
	}
	return made
}

// stepVector is one call of Submit, or of SubmitMany when it has inputs.
type stepVector struct {
	As   string
	Task struct {
		Name, Version string
		Options       optionsVector
	}
	Input        any
	Inputs       any
	Options      optionsVector
	DependsOn    []string
	Display      *string
	Displays     []string
	StartDelayMs int64
}

func (s stepVector) options(refs map[string]Ref) []SubmitOption {
	var made []SubmitOption
	for _, option := range s.Options.options() {
		made = append(made, option)
	}
	for _, name := range s.DependsOn {
		made = append(made, DependsOn(refs[name]))
	}
	if s.Display != nil {
		made = append(made, WithDisplay(*s.Display))
	}
	if s.Displays != nil {
		made = append(made, WithDisplay(s.Displays...))
	}
	if s.StartDelayMs != 0 {
		made = append(made, WithStartDelay(milliseconds(s.StartDelayMs)))
	}
	return made
}

func buildSteps(t *testing.T, steps []stepVector) (*spanloomv1.TaskSet, error) {
	t.Helper()
	foreign, _ := composing(t)
	refs := map[string]Ref{"elsewhere": submit(t, foreign, echo, any(1))}
	ctx, into := composing(t)
	for _, step := range steps {
		ref, err := step.submit(t, ctx, refs)
		if err != nil {
			return nil, err
		}
		refs[step.As] = ref
	}
	return into.build()
}

func (s stepVector) submit(t *testing.T, ctx context.Context, refs map[string]Ref) (Ref, error) {
	t.Helper()
	var options []TaskOption
	for _, option := range s.Task.Options.options() {
		options = append(options, option)
	}
	task := Declare[any, any](s.Task.Name, s.Task.Version, options...)
	if s.Inputs != nil {
		return SubmitMany(ctx, task, vectors.Untagged(t, s.Inputs).([]any), s.options(refs)...)
	}
	return Submit(ctx, task, vectors.Untagged(t, s.Input), s.options(refs)...)
}

func TestSubmissionsAreWhatEveryLanguageMakesOfThem(t *testing.T) {
	known := vectors.Read[struct {
		Submissions []struct {
			Name    string
			Steps   []stepVector
			TaskSet json.RawMessage
		}
		Refused []struct {
			vectors.Refusal
			Name  string
			Steps []stepVector
		}
	}](t, "submissions.json")
	for _, each := range known.Submissions {
		t.Run(each.Name, func(t *testing.T) {
			set, err := buildSteps(t, each.Steps)
			var want spanloomv1.TaskSet
			if problem := protojson.Unmarshal(each.TaskSet, &want); err != nil || problem != nil || !proto.Equal(set, &want) {
				t.Errorf("%s, %v; want %s, %v", protojson.Format(set), err, each.TaskSet, problem)
			}
		})
	}
	for _, each := range known.Refused {
		if !each.IsRefused() {
			continue
		}
		t.Run(each.Name, func(t *testing.T) {
			_, err := buildSteps(t, each.Steps)
			wantRefused(t, err, each.Refusal, "cannot ")
		})
	}
}

func TestErrorsOfCallsAreReadAsInEveryLanguage(t *testing.T) {
	known := vectors.Read[struct {
		Answers []struct {
			Name   string
			Status int
			Body   json.RawMessage
			Error  struct {
				Reason, Code, Message, Field string
				Retryable                    bool
				Limit, Actual, RetryAfterMs  int64
				Metadata                     map[string]string
			}
		}
	}](t, "errors.json")
	for _, each := range known.Answers {
		t.Run(each.Name, func(t *testing.T) {
			var page string
			isPage := json.Unmarshal(each.Body, &page) == nil
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				answer := []byte(each.Body)
				if isPage {
					w.Header().Set("Content-Type", "text/html")
					answer = []byte(page)
				}
				w.WriteHeader(each.Status)
				w.Write(answer)
			}))
			defer server.Close()
			made, err := newConnection(ClientOptions{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer made.close()
			jobs := spanloomv1connect.NewJobServiceClient(made.httpClient, made.url, made.option)
			_, err = jobs.GetJob(t.Context(), connect.NewRequest(&spanloomv1.GetJobRequest{JobId: "x"}))
			var got *Error
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			want := each.Error
			if string(got.Reason) != want.Reason || got.Code().String() != want.Code || got.Retryable() != want.Retryable {
				t.Errorf("%s, %s, retryable %t", got.Reason, got.Code(), got.Retryable())
			}
			if want.Message != "" && got.Message != want.Message {
				t.Errorf("message %q, want %q", got.Message, want.Message)
			}
			if got.Field != want.Field || got.Limit != want.Limit || got.Actual != want.Actual ||
				got.RetryAfter != milliseconds(want.RetryAfterMs) || !maps.Equal(got.Metadata, want.Metadata) {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

package spanloom_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
	"spanloom.dev/go/internal/testserver"
)

const unknownID = "0190163d-8694-739b-aea5-966c26f8ad90"

var echo = spanloom.NewTask("echo", func(_ context.Context, input any) (any, error) { return input, nil })

func TestMain(m *testing.M) { os.Exit(testserver.Run(m)) }

// connected gives a client of the shared server, and a queue of the test's own.
func connected(t *testing.T) (*spanloom.Client, string) {
	t.Helper()
	return clientOf(t, spanloom.ClientOptions{URL: testserver.Shared(t).URL}), testserver.Queue(t)
}

func clientOf(t *testing.T, options spanloom.ClientOptions) *spanloom.Client {
	t.Helper()
	client, err := spanloom.NewClient(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// serve runs tasks of a queue until the test ends: the least that a runner can be, made of a generated client.
func serve(t *testing.T, client *spanloom.Client, queue string, tasks ...spanloom.AnyTask) {
	t.Helper()
	service := spanloomv1connect.NewTaskServiceClient(client.Connect())
	request := &spanloomv1.LeaseTasksRequest{
		RunnerId: spanloom.NewID(), Queues: []string{queue}, MaxTasks: 10, Wait: durationpb.New(10 * time.Second),
	}
	byName := map[string]spanloom.AnyTask{}
	for _, task := range tasks {
		byName[task.Name()] = task
		identifier := &spanloomv1.TaskIdentifier{Name: task.Name(), Version: task.Version()}
		request.Identifiers = append(request.Identifiers, identifier)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			answer, err := service.LeaseTasks(ctx, connect.NewRequest(request))
			if err != nil {
				continue
			}
			request.Results = nil
			for _, leased := range answer.Msg.GetTasks() {
				request.Results = append(request.Results, resultOf(ctx, byName[leased.GetIdentifier().GetName()], leased))
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func resultOf(ctx context.Context, task spanloom.AnyTask, leased *spanloomv1.LeasedTask) *spanloomv1.TaskResult {
	result := &spanloomv1.TaskResult{TaskId: leased.GetTaskId(), Attempt: leased.GetAttempt(), LeaseToken: leased.GetLeaseToken()}
	outcome, err := task.Run(ctx, leased.GetInput())
	if err != nil {
		failure := &spanloomv1.TaskFailure{Type: "Error", Message: err.Error()}
		result.Outcome = &spanloomv1.TaskResult_Failure{Failure: &spanloomv1.TaskFailureResult{Failure: failure}}
		return result
	}
	success := &spanloomv1.TaskSuccess{Output: outcome.Output, Children: outcome.Children}
	result.Outcome = &spanloomv1.TaskResult_Success{Success: success}
	return result
}

// answering is a server whose answers the test gives; it counts the requests.
func answering(t *testing.T, answer func(number int, w http.ResponseWriter, r *http.Request)) (url string, count func() int) {
	t.Helper()
	var mutex sync.Mutex
	number := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		number++
		mine := number
		mutex.Unlock()
		// Only then does the server see that the caller has left.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(mine, w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() int {
		mutex.Lock()
		defer mutex.Unlock()
		return number
	}
}

// decoding is a server that reads requests to submit a job and answers with an empty one.
func decoding(t *testing.T, read func(*spanloomv1.SubmitJobRequest)) (url string) {
	t.Helper()
	url, _ = answering(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		request := &spanloomv1.SubmitJobRequest{}
		if err := proto.Unmarshal(body, request); err != nil {
			t.Error(err)
		}
		read(request)
		w.Header().Set("Content-Type", "application/proto")
	})
	return url
}

func failureOf[T any](_ T, err error) error { return err }

package spanloom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/testserver"
)

func TestRefusesAnAddressOrTokenThatIsNone(t *testing.T) {
	for _, each := range []struct {
		options spanloom.ClientOptions
		want    string
	}{
		{spanloom.ClientOptions{URL: "localhost:7171"}, `cannot connect to "localhost:7171": the URL must start with http:// or https:// and name a host`},
		{spanloom.ClientOptions{URL: "http://"}, `cannot connect to "http://": `},
		{spanloom.ClientOptions{URL: "http://%"}, `cannot connect to "http://%": `},
		{spanloom.ClientOptions{Token: "secret\n"}, "cannot connect with this token: it has characters that no header may have"},
		{spanloom.ClientOptions{Timeout: -1}, "cannot make a client: timeout is -1ns"},
	} {
		_, err := spanloom.NewClient(each.options)
		if spanloom.ReasonOf(err) != spanloom.InvalidField || !strings.HasPrefix(err.Error(), each.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v; want %s", err, each.want)
		}
	}
	t.Setenv("SPANLOOM_URL", "")
	client, err := spanloom.NewClient(spanloom.ClientOptions{})
	if err != nil || client.URL() != spanloom.DefaultURL {
		t.Error(err)
	}
	client.Close()
	client.Close()
}

func TestTheEnvironmentSaysWhichServerAndWithWhichToken(t *testing.T) {
	tokens := make(chan string, 2)
	url, _ := answering(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		tokens <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/proto")
	})
	t.Setenv("SPANLOOM_URL", url)
	t.Setenv("SPANLOOM_TOKEN", "secret")
	for _, each := range []struct {
		options spanloom.ClientOptions
		want    string
	}{
		{spanloom.ClientOptions{}, "Bearer secret"},
		{spanloom.ClientOptions{Token: "own"}, "Bearer own"},
		{spanloom.ClientOptions{URL: url}, ""},
	} {
		if _, err := clientOf(t, each.options).Jobs.Count(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got := <-tokens; got != each.want {
			t.Errorf("%+v sent %q, want %q", each.options, got, each.want)
		}
	}
}

func TestMakesACallAgainWhileItFailsForAPassingReason(t *testing.T) {
	keys := make(chan string, 10)
	url, count := answering(t, func(number int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Connect-Timeout-Ms") == "" || r.Header.Get("Authorization") != "Bearer t" || r.ProtoMajor != 1 || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s %v", r.Proto, r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		keys <- string(body)
		switch number {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("Content-Type", "application/proto")
		}
	})
	client := clientOf(t, spanloom.ClientOptions{URL: url, Token: "t"})
	if _, err := spanloom.SubmitJob(t.Context(), client, echo, any(1)); err != nil || count() != 3 {
		t.Error(count(), err)
	}
	if first, second := <-keys, <-keys; first != second || second != <-keys {
		t.Error("a call that was made again was another: its idempotency key would be worth nothing")
	}
}

func TestGivesUpAfterFiveTries(t *testing.T) {
	url, count := answering(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		io.WriteString(w, "a proxy's page")
	})
	_, err := clientOf(t, spanloom.ClientOptions{URL: url}).Jobs.Get(t.Context(), unknownID)
	if !errors.Is(err, spanloom.StoreUnavailable) || count() != 5 || !strings.Contains(err.Error(), "cannot reach the server at "+url+": 502 Bad Gateway") {
		t.Error(count(), err)
	}
}

// stub answers calls without a network, so that a test may hold the clock.
type stub func(number int) (status int, contentType, body string)

type stubbed struct {
	answer stub
	times  []time.Time
}

func (s *stubbed) Do(request *http.Request) (*http.Response, error) {
	s.times = append(s.times, time.Now())
	status, contentType, body := s.answer(len(s.times))
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {contentType}},
		Body: io.NopCloser(strings.NewReader(body)), Request: request,
	}, nil
}

func TestHonoursTheDelayThatTheServerAsksFor(t *testing.T) {
	const body = `{"code":"resource_exhausted","message":"cannot take more","details":[{"type":"spanloom.v1.ErrorDetail","value":"CBIwwM8k"}]}`
	synctest.Test(t, func(t *testing.T) {
		calls := &stubbed{answer: func(number int) (int, string, string) {
			if number == 1 {
				return http.StatusTooManyRequests, "application/json", body
			}
			return http.StatusOK, "application/proto", ""
		}}
		if _, err := clientOf(t, spanloom.ClientOptions{HTTPClient: calls}).Jobs.Count(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if pause := calls.times[1].Sub(calls.times[0]); pause != 10*time.Minute {
			t.Errorf("it came again after %s", pause)
		}
	})
}

func TestWaitsBetweenTriesAreDrawnFromBoundsThatDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := &stubbed{answer: func(int) (int, string, string) { return http.StatusServiceUnavailable, "text/html", "" }}
		if _, err := clientOf(t, spanloom.ClientOptions{HTTPClient: calls}).Jobs.Count(t.Context(), nil); !errors.Is(err, spanloom.StoreUnavailable) {
			t.Fatal(err)
		}
		for index := range calls.times[1:] {
			if pause := calls.times[index+1].Sub(calls.times[index]); pause > 50*time.Millisecond<<index {
				t.Errorf("pause %d took %s", index+1, pause)
			}
		}
		if len(calls.times) != 5 {
			t.Errorf("%d tries", len(calls.times))
		}
	})
}

func TestDoesNotMakeACallAgainThatWasRefused(t *testing.T) {
	for status, reason := range map[int]spanloom.Reason{
		401: spanloom.Unauthenticated, 403: spanloom.PermissionDenied, 404: spanloom.Unimplemented, 418: spanloom.Internal, 302: spanloom.Internal,
	} {
		url, count := answering(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		_, err := clientOf(t, spanloom.ClientOptions{URL: url}).Jobs.Get(t.Context(), unknownID)
		want := fmt.Sprintf("cannot call the server at %s: %d ", url, status)
		if spanloom.ReasonOf(err) != reason || count() != 1 || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d: %s after %d: %v", status, spanloom.ReasonOf(err), count(), err)
		}
		if connect.CodeOf(err) == 0 {
			t.Errorf("%v wraps no error of connect's", err)
		}
	}
}

func TestTellsOfAnAnswerThatIsNone(t *testing.T) {
	url, _ := answering(t, func(_ int, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>hello</html>") })
	_, err := clientOf(t, spanloom.ClientOptions{URL: url}).Jobs.Get(t.Context(), unknownID)
	if !errors.Is(err, spanloom.Internal) || !strings.Contains(err.Error(), "text/html") {
		t.Error(err)
	}
}

func TestACallHasADeadlineAlways(t *testing.T) {
	url, count := answering(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client := clientOf(t, spanloom.ClientOptions{URL: url, Timeout: 20 * time.Millisecond})
	_, err := client.Jobs.Get(t.Context(), unknownID)
	if !errors.Is(err, spanloom.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "cannot wait longer for the server at "+url) {
		t.Error(err)
	}
	// Of five tries, those whose time was over before they were sent never came.
	if came := count(); came < 1 || came > 5 {
		t.Error(came, "requests came")
	}
}

func TestTheContextEndsACall(t *testing.T) {
	begun := make(chan struct{}, 10)
	url, count := answering(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	})
	client := clientOf(t, spanloom.ClientOptions{URL: url})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user left")
	go func() {
		<-begun
		cancel(why)
	}()
	_, err := client.Jobs.Get(ctx, unknownID)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || spanloom.ReasonOf(err) != "" || count() != 1 {
		t.Error(count(), err)
	}
	late, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := client.Jobs.Get(late, unknownID); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, spanloom.DeadlineExceeded) {
		t.Error(err)
	}
	for _, err := range client.Jobs.Watch(ctx, unknownID) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func TestTheContextEndsThePauseBetweenTries(t *testing.T) {
	const hour = `{"code":"unavailable","message":"cannot serve now","details":[{"type":"spanloom.v1.ErrorDetail","value":"CA8wgN3bAQ"}]}`
	synctest.Test(t, func(t *testing.T) {
		calls := &stubbed{answer: func(int) (int, string, string) { return http.StatusServiceUnavailable, "application/json", hour }}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := clientOf(t, spanloom.ClientOptions{HTTPClient: calls}).Jobs.Get(ctx, unknownID)
		if !errors.Is(err, spanloom.DeadlineExceeded) || !strings.HasSuffix(err.Error(), "the last try: cannot serve now") || len(calls.times) != 1 {
			t.Errorf("%v after %d tries", err, len(calls.times))
		}
	})
}

func TestTellsOfAServerThatIsNotThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	listener.Close()
	_, err = spanloom.SubmitJob(t.Context(), clientOf(t, spanloom.ClientOptions{URL: url}), echo, any(1))
	if !errors.Is(err, spanloom.StoreUnavailable) || !strings.HasPrefix(err.Error(), "cannot reach the server at "+url+": dial tcp ") {
		t.Error(err)
	}
}

func TestASubmissionWhoseAnswerIsLostIsOneJob(t *testing.T) {
	direct, queue := connected(t)
	target, err := url.Parse(direct.URL())
	if err != nil {
		t.Fatal(err)
	}
	// Lost after the server has answered, and before the client has any of it.
	proxy := httputil.NewSingleHostReverseProxy(target)
	dropped := make(chan struct{}, 1)
	dropped <- struct{}{}
	proxy.ModifyResponse = func(*http.Response) error {
		select {
		case <-dropped:
			panic(http.ErrAbortHandler)
		default:
			return nil
		}
	}
	address, count := answering(t, func(_ int, w http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(w, r) })
	client := clientOf(t, spanloom.ClientOptions{URL: address})
	handle := submitted(t, client, 1, spanloom.WithQueue(queue))
	jobs := listed(t, direct, &spanloomv1.JobFilter{Queue: queue}, 0)
	if len(jobs) != 1 || jobs[0].GetId() != handle.ID() || count() != 2 {
		t.Errorf("%d jobs of %d calls", len(jobs), count())
	}
}

func TestAStreamThatBreaksIsOpenedAgain(t *testing.T) {
	url, count := answering(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/connect+proto")
		// A message of no job at all, and then the connection breaks.
		w.Write([]byte{0, 0, 0, 0, 2, 10, 0})
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	states := 0
	for _, err := range clientOf(t, spanloom.ClientOptions{URL: url}).Jobs.Watch(t.Context(), unknownID) {
		if err != nil {
			t.Fatal(err)
		}
		if states++; states == 3 {
			break
		}
	}
	if count() != 3 {
		t.Errorf("%d streams for three states", count())
	}
}

func TestAStreamThatNeverOpensIsGivenUp(t *testing.T) {
	url, count := answering(t, func(_ int, _ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	var last error
	for _, last = range clientOf(t, spanloom.ClientOptions{URL: url}).Jobs.Watch(t.Context(), unknownID) {
	}
	if !errors.Is(last, spanloom.StoreUnavailable) || count() != 5 {
		t.Error(count(), last)
	}
}

func TestATokenIsAskedForAndChecked(t *testing.T) {
	server := testserver.New(t, "--token", "secret")
	for _, token := range []string{"", "wrong"} {
		_, err := clientOf(t, spanloom.ClientOptions{URL: server.URL, Token: token}).Jobs.Count(t.Context(), nil)
		if !errors.Is(err, spanloom.Unauthenticated) {
			t.Errorf("%q: %v", token, err)
		}
		for _, err := range clientOf(t, spanloom.ClientOptions{URL: server.URL, Token: token}).Jobs.Watch(t.Context(), unknownID) {
			if !errors.Is(err, spanloom.Unauthenticated) {
				t.Errorf("%q: %v", token, err)
			}
		}
	}
	client := clientOf(t, spanloom.ClientOptions{URL: server.URL, Token: "secret"})
	if _, err := client.Jobs.Count(t.Context(), nil); err != nil {
		t.Error(err)
	}
	for _, err := range client.Jobs.Watch(t.Context(), unknownID) {
		if !errors.Is(err, spanloom.JobNotFound) {
			t.Error(err)
		}
	}
}

package spanloom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"connectrpc.com/connect"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/rpc"
)

// DefaultURL is where a server listens unless told otherwise.
const DefaultURL = "http://127.0.0.1:7171"

const (
	defaultTimeout = 30 * time.Second
	maxAttempts    = 5
)

// connection is one server, and how calls to it are made.
type connection struct {
	url        string
	httpClient connect.HTTPClient
	option     connect.ClientOption
	// The HTTP client when it is of our own making, whose idle sockets are ours to close.
	own *http.Client
}

func newConnection(options ClientOptions) (*connection, error) {
	made := &connection{url: strings.TrimRight(options.URL, "/"), httpClient: options.HTTPClient}
	if made.url == "" {
		made.url = DefaultURL
	}
	parsed, err := url.Parse(made.url)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Hostname() == "" {
		return nil, invalid("url", "cannot connect to %q: the URL must start with http:// or https:// and name a host", options.URL)
	}
	if strings.ContainsFunc(options.Token, func(char rune) bool { return char < ' ' || char > '~' }) {
		const why = "it has characters that no header may have; is there a line break at its end?"
		return nil, invalid("token", "cannot connect with this token: %s", why)
	}
	if options.Timeout < 0 {
		return nil, invalid("timeout", "cannot make a client: timeout is %s, must be at least 0s", options.Timeout)
	}
	if made.httpClient == nil {
		made.own = rpc.NewHTTPClient()
		made.httpClient = made.own
	}
	interceptor := &rpc.Interceptor{Token: options.Token, Timeout: options.Timeout, Translate: made.translate}
	if options.Timeout == 0 {
		interceptor.Timeout = defaultTimeout
	}
	made.option = connect.WithClientOptions(
		connect.WithInterceptors(interceptor),
		connect.WithAcceptCompression("gzip", nil, nil),
	)
	return made, nil
}

func (c *connection) close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// retry makes a call that may reach the server twice without harm, and again while it fails for a passing reason.
//
// Errors: the last failure; ctx's when that was done first.
func (c *connection) retry(ctx context.Context, call func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := call(ctx)
		var problem *Error
		if err == nil || !errors.As(err, &problem) || !problem.Retryable() || attempt == maxAttempts || ctx.Err() != nil {
			return err
		}
		if rpc.Pause(ctx, rpc.Delay(attempt, problem.RetryAfter)) != nil {
			return c.ended(ctx, fmt.Errorf("%w; the last try: %w", context.Cause(ctx), problem))
		}
	}
}

// unary makes one call of a service, again on transient errors.
func unary[Req, Res any](
	ctx context.Context, c *connection,
	method func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), request *Req,
) (*Res, error) {
	var answer *Res
	err := c.retry(ctx, func(ctx context.Context) error {
		response, err := method(ctx, connect.NewRequest(request))
		if err == nil {
			answer = response.Msg
		}
		return err
	})
	return answer, err
}

var reasonByCode = map[connect.Code]Reason{
	connect.CodeInvalidArgument:    InvalidField,
	connect.CodeUnauthenticated:    Unauthenticated,
	connect.CodePermissionDenied:   PermissionDenied,
	connect.CodeUnavailable:        StoreUnavailable,
	connect.CodeResourceExhausted:  Overloaded,
	connect.CodeDeadlineExceeded:   DeadlineExceeded,
	connect.CodeUnimplemented:      Unimplemented,
	connect.CodeAborted:            StaleLease,
	connect.CodeFailedPrecondition: InvalidState,
}

func reasonOfCode(code connect.Code) Reason {
	if reason, known := reasonByCode[code]; known {
		return reason
	}
	return Internal
}

// translate tells what a call failed with: the one place where connect's errors end. ctx is the caller's.
func (c *connection) translate(ctx context.Context, err error) error {
	var told *connect.Error
	if !errors.As(err, &told) {
		told = connect.NewError(connect.CodeUnknown, err)
	}
	if detail := detailOf(told); detail != nil {
		problem := errorOfDetail(detail, reasonOfCode(told.Code()), told.Message())
		problem.cause = err
		return problem
	}
	if ctx.Err() != nil {
		return c.ended(ctx, context.Cause(ctx))
	}
	problem := &Error{Reason: reasonOfCode(told.Code()), Message: told.Message(), cause: err}
	switch {
	case connect.IsWireError(told):
	case told.Code() == connect.CodeDeadlineExceeded:
		problem.Message = fmt.Sprintf("cannot wait longer for the server at %s: %s", c.url, told.Message())
	case isTransportFailure(told):
		problem.Reason = StoreUnavailable
		problem.Message = fmt.Sprintf("cannot reach the server at %s: %s", c.url, transportMessage(told))
	default:
		problem.Message = fmt.Sprintf("cannot call the server at %s: %s", c.url, told.Message())
	}
	return problem
}

// ended is the error of a call whose caller's context is done: an Error with DeadlineExceeded, or what wraps
// context.Canceled.
func (c *connection) ended(ctx context.Context, cause error) error {
	if !errors.Is(cause, ctx.Err()) {
		cause = fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message := fmt.Sprintf("cannot wait longer for the server at %s: %s", c.url, cause)
		return &Error{Reason: DeadlineExceeded, Message: message, cause: cause}
	}
	return fmt.Errorf("cannot go on with a call to %s: %w", c.url, cause)
}

func detailOf(told *connect.Error) *spanloomv1.ErrorDetail {
	for _, each := range told.Details() {
		value, err := each.Value()
		if err != nil {
			// A detail that cannot be read: the code still tells the kind of failure.
			continue
		}
		if detail, ok := value.(*spanloomv1.ErrorDetail); ok {
			return detail
		}
	}
	return nil
}

func errorOfDetail(detail *spanloomv1.ErrorDetail, otherwise Reason, message string) *Error {
	reason := Reason(strings.TrimPrefix(detail.GetReason().String(), "ERROR_REASON_"))
	if _, known := codeByReason[reason]; !known {
		reason = otherwise
	}
	return &Error{
		Reason: reason, Message: message, Field: detail.GetField(), Limit: detail.GetLimit(), Actual: detail.GetActual(),
		RetryAfter: time.Duration(detail.GetRetryAfterMs()) * time.Millisecond, Metadata: detail.GetMetadata(),
	}
}

// isTransportFailure tells whether no server described the failure: connection refused, reset, closed stream, a proxy.
func isTransportFailure(told *connect.Error) bool {
	switch told.Code() {
	case connect.CodeUnavailable, connect.CodeAborted, connect.CodeCanceled:
		return true
	}
	var ofNet net.Error
	var ofSystem syscall.Errno
	return errors.As(told, &ofNet) || errors.As(told, &ofSystem) ||
		errors.Is(told, io.ErrUnexpectedEOF) || errors.Is(told, net.ErrClosed)
}

func transportMessage(told *connect.Error) string {
	// http's error repeats the method and the whole address.
	var ofURL *url.Error
	if errors.As(told, &ofURL) {
		return ofURL.Err.Error()
	}
	return told.Message()
}

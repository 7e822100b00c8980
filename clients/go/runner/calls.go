package runner

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/rpc"
)

// taskService is what a runner calls again and again.
type taskService interface {
	LeaseTasks(context.Context, *connect.Request[spanloomv1.LeaseTasksRequest]) (*connect.Response[spanloomv1.LeaseTasksResponse], error)
	Heartbeat(context.Context, *connect.Request[spanloomv1.HeartbeatRequest]) (*connect.Response[spanloomv1.HeartbeatResponse], error)
	ListDependencyOutputs(
		context.Context, *connect.Request[spanloomv1.ListDependencyOutputsRequest],
	) (*connect.Response[spanloomv1.ListDependencyOutputsResponse], error)
}

// unary makes one call with a timeout of its own.
//
// Errors: a spanloom.Error; what wraps context.Canceled when ctx is done.
func unary[Req, Res any](
	ctx context.Context, timeout time.Duration,
	method func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), request *Req,
) (*Res, error) {
	response, err := method(rpc.WithTimeout(ctx, timeout), connect.NewRequest(request))
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

// retry makes a call until it succeeds, fails for a reason that does not pass, or ctx is done; failed is told of what it
// is made again for.
//
// Errors: the last failure.
func retry(ctx context.Context, call func() error, failed func(err error, delay time.Duration)) error {
	for attempt := 1; ; attempt++ {
		err := call()
		if err == nil || ctx.Err() != nil || !passes(err) {
			return err
		}
		delay := delayAfter(attempt, err)
		failed(err, delay)
		if rpc.Pause(ctx, delay) != nil {
			return err
		}
	}
}

// passes says whether a call that failed may succeed later without a change.
func passes(err error) bool {
	var problem *spanloom.Error
	return errors.As(err, &problem) && problem.Retryable()
}

// delayAfter gives how long to wait after so many failures in a row.
func delayAfter(attempt int, err error) time.Duration {
	var problem *spanloom.Error
	if errors.As(err, &problem) {
		return rpc.Delay(attempt, problem.RetryAfter)
	}
	return rpc.Delay(attempt, 0)
}

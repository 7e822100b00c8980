package runner

import (
	"context"
	"iter"
	"time"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// readDependencies reads what a task's dependencies left behind, in submission order: as leased, or page by page.
func readDependencies(service taskService) func(context.Context, *spanloomv1.LeasedTask) iter.Seq2[*spanloomv1.DependencyOutput, error] {
	return func(ctx context.Context, task *spanloomv1.LeasedTask) iter.Seq2[*spanloomv1.DependencyOutput, error] {
		return func(yield func(*spanloomv1.DependencyOutput, error) bool) {
			if !task.GetDependenciesPaged() {
				yieldAll(task.GetDependencies(), yield)
				return
			}
			for token := ""; ; {
				page, err := readPage(ctx, service, task, token)
				if err != nil {
					yield(nil, err)
					return
				}
				token = page.GetNextPageToken()
				if !yieldAll(page.GetDependencies(), yield) || token == "" {
					return
				}
			}
		}
	}
}

func yieldAll(dependencies []*spanloomv1.DependencyOutput, yield func(*spanloomv1.DependencyOutput, error) bool) bool {
	for _, each := range dependencies {
		if !yield(each, nil) {
			return false
		}
	}
	return true
}

func readPage(
	ctx context.Context, service taskService, task *spanloomv1.LeasedTask, token string,
) (page *spanloomv1.ListDependencyOutputsResponse, err error) {
	request := &spanloomv1.ListDependencyOutputsRequest{
		TaskId: task.GetTaskId(), Attempt: task.GetAttempt(), LeaseToken: task.GetLeaseToken(), PageToken: token,
	}
	// The attempt's context bounds how long a server is waited for that is away.
	err = retry(ctx, func() error {
		page, err = unary(ctx, callTimeout, service.ListDependencyOutputs, request)
		return err
	}, func(error, time.Duration) {})
	return page, err
}

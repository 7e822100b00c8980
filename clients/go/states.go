package spanloom

import (
	"strings"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// StateName is a job's state as people read it, such as SUCCEEDED.
func StateName(state spanloomv1.JobState) string {
	return strings.TrimPrefix(state.String(), "JOB_STATE_")
}

// TaskStateName is a task's state as people read it, such as WAITING.
func TaskStateName(state spanloomv1.TaskState) string {
	return strings.TrimPrefix(state.String(), "TASK_STATE_")
}

// Ended tells whether a job will never change again, but by a retry.
func Ended(job *spanloomv1.Job) bool {
	switch job.GetState() {
	case spanloomv1.JobState_JOB_STATE_SUCCEEDED, spanloomv1.JobState_JOB_STATE_FAILED, spanloomv1.JobState_JOB_STATE_CANCELLED:
		return true
	default:
		return false
	}
}

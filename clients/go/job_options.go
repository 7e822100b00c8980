package spanloom

// JobOption is an option of a job: of [SubmitJob], [SubmitJobs] and [Jobs.Compose].
type JobOption interface{ setJob(*settings) }

type jobSettings struct{}

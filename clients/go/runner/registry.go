package runner

import (
	"strconv"
	"strings"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// registry is the code a runner has, by name and major version.
type registry struct {
	tasks       map[taskKey]registered
	identifiers []*spanloomv1.TaskIdentifier
}

type taskKey struct {
	name  string
	major int
}

type registered struct {
	task  spanloom.AnyTask
	minor int
}

func newRegistry(tasks []spanloom.AnyTask) (*registry, error) {
	if len(tasks) == 0 {
		return nil, invalid("tasks", "it has no tasks")
	}
	made := &registry{tasks: map[taskKey]registered{}}
	for _, task := range tasks {
		if task == nil {
			return nil, invalid("tasks", "one of its tasks is nil")
		}
		if err := task.Err(); err != nil {
			return nil, err
		}
		if task.Declared() {
			return nil, invalid("tasks", "the code of task %q is not here", task.Name())
		}
		major, minor := parseVersion(task.Version())
		key := taskKey{task.Name(), major}
		if _, taken := made.tasks[key]; taken {
			return nil, invalid("tasks", "two tasks are %q of version %d", task.Name(), major)
		}
		made.tasks[key] = registered{task, minor}
		made.identifiers = append(made.identifiers, &spanloomv1.TaskIdentifier{Name: task.Name(), Version: task.Version()})
	}
	return made, nil
}

// find gives the code for an identifier: of the same major version, and at least its minor. Nil when there is none.
func (r *registry) find(identifier *spanloomv1.TaskIdentifier) spanloom.AnyTask {
	major, minor := parseVersion(identifier.GetVersion())
	found, known := r.tasks[taskKey{identifier.GetName(), major}]
	if !known || found.minor < minor {
		return nil
	}
	return found.task
}

// names gives the names of all tasks, for people.
func (r *registry) names() string {
	names := make([]string, len(r.identifiers))
	for i, each := range r.identifiers {
		names[i] = each.GetName()
	}
	return strings.Join(names, ", ")
}

// parseVersion reads "major.minor"; what is absent is of 1.0.
func parseVersion(version string) (major, minor int) {
	if version == "" {
		return 1, 0
	}
	before, after, _ := strings.Cut(version, ".")
	major, _ = strconv.Atoi(before)
	minor, _ = strconv.Atoi(after)
	return major, minor
}

package spanloom

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

const (
	maxTasks  = 100_000
	maxGroups = 4_096
)

// Ref stands for submitted tasks, to be named by [DependsOn] in later submissions: it means all of them.
type Ref struct {
	owner *submission
	index int
	count int
}

// Count is how many tasks it stands for.
func (r Ref) Count() int { return r.count }

// Submit submits one task: within an attempt a child, within [Jobs.Compose] a root.
//
// Children become visible, all at once, when the attempt that submitted them succeeds; if it fails, none was.
//
// Errors: InvalidField when the input is not data; InvalidDependency for a Ref of another attempt or job; LimitExceeded
// over 100,000 tasks; InvalidState for a context that is neither's, or whose attempt has ended.
// Concurrency: safe from any goroutine of the attempt.
func Submit[In, Out any](ctx context.Context, task *Task[In, Out], input In, options ...SubmitOption) (Ref, error) {
	return submitAll(ctx, task, []In{input}, unnumbered, options)
}

// SubmitMany submits one task for each input, as one group: what depends on the Ref waits for all of them.
func SubmitMany[In, Out any](ctx context.Context, task *Task[In, Out], inputs []In, options ...SubmitOption) (Ref, error) {
	return submitAll(ctx, task, inputs, 0, options)
}

func submitAll[In, Out any](
	ctx context.Context, task *Task[In, Out], inputs []In, first int, options []SubmitOption,
) (Ref, error) {
	into, ok := ctx.Value(submissionKey{}).(*submission)
	if !ok {
		const why = "its context is that of no attempt and no Compose; SubmitJob submits a job"
		return Ref{}, &Error{Reason: InvalidState, Message: fmt.Sprintf("cannot submit task %q: %s", task.name, why)}
	}
	var given settings
	for _, option := range options {
		option.setSubmit(&given)
	}
	return addTasks(into, task, inputs, first, given)
}

// unnumbered is the number of an input that is the only one.
const unnumbered = -1

// addTasks is what every submission comes down to; first is the number that errors call the first input by.
func addTasks[In, Out any](into *submission, task *Task[In, Out], inputs []In, first int, given settings) (Ref, error) {
	if task.err != nil {
		return Ref{}, task.err
	}
	spec, err := task.settings.over(given).spec(task.name, task.version)
	if err != nil {
		return Ref{}, err
	}
	if given.displayed && len(given.displays) != len(inputs) {
		const format = "cannot submit task %q: %d displays for %d inputs, must be one for each"
		return Ref{}, invalid("displays", format, task.name, len(given.displays), len(inputs))
	}
	encoded := make([][]byte, len(inputs))
	for index, input := range inputs {
		owner := fmt.Sprintf("cannot submit task %q", task.name)
		if first != unnumbered {
			owner = fmt.Sprintf("%s, input %d", owner, first+index)
		}
		if encoded[index], err = encodeInput(input, owner); err != nil {
			return Ref{}, err
		}
	}
	return into.add(task.name, spec, addition{inputs: encoded, displays: given.displays, dependsOn: given.dependsOn})
}

func encodeInput(input any, owner string) ([]byte, error) {
	data, err := encodePayload(input, owner)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxInputBytes {
		return nil, exceeded("input", MaxInputBytes, len(data), fmt.Sprintf("%s: its input has %d bytes", owner, len(data)))
	}
	return data, nil
}

type submissionKey struct{}

func withSubmission(ctx context.Context, into *submission) context.Context {
	return context.WithValue(ctx, submissionKey{}, into)
}

// submission gathers tasks and writes them as one TaskSet, in which 10,000 equal tasks are one group that costs their
// inputs and little else.
//
// I1. Submissions that wait for the same Refs and are waited for by the same tasks share one group, so that no task ever
// waits for more than it asked for.
//
// I2. Groups stand in the order of their first submission; a group's dependencies always stand before it.
//
// I3. A Ref works only in the submission that made it.
//
// Concurrency: safe from any goroutine.
type submission struct {
	mutex      sync.Mutex
	closed     bool
	parts      []*part
	specs      []*spanloomv1.TaskSpec
	specByKey  map[string]uint32
	sets       [][]int
	setByKey   map[string]int
	count      int
	inputBytes int
}

// part is what one call submitted. usedBy are the dependency sets that name it.
type part struct {
	spec     uint32
	inputs   [][]byte
	displays []string
	set      int
	usedBy   []int
}

type addition struct {
	inputs    [][]byte
	displays  []string
	dependsOn []Ref
}

func newSubmission() *submission {
	return &submission{specByKey: map[string]uint32{}, sets: [][]int{nil}, setByKey: map[string]int{fmt.Sprint([]int{}): 0}}
}

// close refuses what is submitted from now on.
func (s *submission) close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
}

func (s *submission) size() (count, inputBytes int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.count, s.inputBytes
}

func (s *submission) add(name string, spec *spanloomv1.TaskSpec, more addition) (Ref, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return Ref{}, &Error{Reason: InvalidState, Message: fmt.Sprintf("cannot submit task %q: the attempt has ended", name)}
	}
	if actual := s.count + len(more.inputs); actual > maxTasks {
		message := fmt.Sprintf("cannot submit task %q: the submission would have %d tasks", name, actual)
		return Ref{}, exceeded("tasks", maxTasks, actual, message)
	}
	members, err := s.members(name, more.dependsOn)
	if err != nil {
		return Ref{}, err
	}
	index, err := s.intern(name, spec)
	if err != nil {
		return Ref{}, err
	}
	s.count += len(more.inputs)
	for _, input := range more.inputs {
		s.inputBytes += len(input)
	}
	s.parts = append(s.parts, &part{spec: index, inputs: more.inputs, displays: more.displays, set: s.setOf(members)})
	return Ref{owner: s, index: len(s.parts) - 1, count: len(more.inputs)}, nil
}

// intern gives the place of a spec among the specs, each of which is there once.
func (s *submission) intern(name string, spec *spanloomv1.TaskSpec) (uint32, error) {
	key, err := proto.MarshalOptions{Deterministic: true}.Marshal(spec)
	if err != nil {
		// Text of an option that is not UTF-8.
		return 0, &Error{Reason: InvalidField, Message: fmt.Sprintf("cannot submit task %q: %s", name, err), cause: err}
	}
	index, known := s.specByKey[string(key)]
	if !known {
		index = uint32(len(s.specs))
		s.specByKey[string(key)] = index
		s.specs = append(s.specs, spec)
	}
	return index, nil
}

func (s *submission) members(name string, dependsOn []Ref) ([]int, error) {
	members := make([]int, 0, len(dependsOn))
	for position, ref := range dependsOn {
		if ref.owner != s {
			field := fmt.Sprintf("depends_on[%d]", position)
			const why = "is of another attempt or job; tasks can only wait for tasks of the same submission"
			message := fmt.Sprintf("cannot submit task %q: %s %s", name, field, why)
			return nil, &Error{Reason: InvalidDependency, Field: field, Message: message}
		}
		// An empty SubmitMany has nothing to wait for.
		if ref.count > 0 {
			members = append(members, ref.index)
		}
	}
	slices.Sort(members)
	return slices.Compact(members), nil
}

func (s *submission) setOf(members []int) int {
	key := fmt.Sprint(members)
	index, known := s.setByKey[key]
	if !known {
		index = len(s.sets)
		s.setByKey[key] = index
		s.sets = append(s.sets, members)
		for _, member := range members {
			s.parts[member].usedBy = append(s.parts[member].usedBy, index)
		}
	}
	return index
}

// build is the submission as it travels.
func (s *submission) build() (*spanloomv1.TaskSet, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var drafts []*draft
	byKey := map[string]int{}
	groupOf := make([]uint32, len(s.parts))
	for place, each := range s.parts {
		if len(each.inputs) == 0 {
			continue
		}
		key := fmt.Sprint(each.set, each.usedBy)
		index, known := byKey[key]
		if !known {
			index = len(drafts)
			byKey[key] = index
			drafts = append(drafts, &draft{set: each.set})
		}
		groupOf[place] = uint32(index)
		drafts[index].add(each)
	}
	if len(drafts) > maxGroups {
		message := fmt.Sprintf("cannot submit tasks: %d different sets of dependencies", len(drafts))
		problem := exceeded("tasks.groups", maxGroups, len(drafts), message)
		problem.Message += "; submit tasks that wait for the same ones with one set of references"
		return nil, problem
	}
	groups := make([]*spanloomv1.TaskGroup, len(drafts))
	for index, each := range drafts {
		groups[index] = each.group(s.sets[each.set], groupOf)
	}
	return &spanloomv1.TaskSet{Specs: s.specs, Groups: groups}, nil
}

// draft is a group that is being filled.
type draft struct {
	set      int
	inputs   [][]byte
	specs    []uint32
	displays []string
}

func (d *draft) add(more *part) {
	if more.displays != nil && d.displays == nil {
		d.displays = make([]string, len(d.inputs))
	}
	if d.displays != nil {
		texts := more.displays
		if texts == nil {
			texts = make([]string, len(more.inputs))
		}
		d.displays = append(d.displays, texts...)
	}
	d.inputs = append(d.inputs, more.inputs...)
	d.specs = append(d.specs, slices.Repeat([]uint32{more.spec}, len(more.inputs))...)
}

func (d *draft) group(members []int, groupOf []uint32) *spanloomv1.TaskGroup {
	specs := d.specs
	if !slices.ContainsFunc(specs, func(spec uint32) bool { return spec != specs[0] }) {
		specs = specs[:1]
	}
	var dependsOn []uint32
	for _, member := range members {
		if group := groupOf[member]; !slices.Contains(dependsOn, group) {
			dependsOn = append(dependsOn, group)
		}
	}
	return &spanloomv1.TaskGroup{Inputs: d.inputs, Specs: specs, DependsOn: dependsOn, Displays: d.displays}
}

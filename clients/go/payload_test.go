package spanloom

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type page struct {
	URL   string `json:"url"`
	Depth int    `json:"depth,omitempty"`
}

type node struct {
	Name string
	Next *node
}

func TestPayloadsAreWrittenAsOtherLanguagesWriteThem(t *testing.T) {
	for _, each := range []struct {
		value any
		want  string
	}{
		{nil, ""},
		{None{}, ""},
		{(*page)(nil), ""},
		{json.RawMessage(nil), ""},
		{json.RawMessage(`{"a": 1}`), `{"a":1}`},
		{page{URL: "https://a.example/?a=1&b=<2>"}, `{"url":"https://a.example/?a=1&b=<2>"}`},
		{map[string]any{"b": 2, "a": []int{1}}, `{"a":[1],"b":2}`},
		{"ünï ✓ \x00 \U0001f600 � \\ufffd", `"ünï ✓ \u0000 😀 � \\ufffd"`},
		{1e21, `1e+21`},
		{0, `0`}, {false, `false`}, {"", `""`}, {[]int{}, `[]`},
	} {
		data, err := Encode(each.value)
		if err != nil || string(data) != each.want {
			t.Errorf("%#v is %q, %v; want %q", each.value, data, err, each.want)
		}
	}
}

func TestWhatJSONCannotExpressIsRefusedWithItsPlace(t *testing.T) {
	loop := &node{Name: "a"}
	loop.Next = &node{Name: "b", Next: loop}
	self := map[string]any{}
	self["self"] = self
	for _, each := range []struct {
		value any
		want  string
	}{
		{map[string]any{"a": []float64{1, math.NaN()}}, "value.a[1] is NaN, which JSON has no number for"},
		{[]any{math.Inf(-1)}, "value[0] is -Inf, which JSON has no number for"},
		{map[string]any{"f": func() {}}, "value.f is a func(), which is no data"},
		{struct {
			C chan int `json:"channel"`
		}{make(chan int)}, "value.channel is a chan int, which is no data"},
		{complex(1, 2), "value is a complex128, which is no data"},
		{page{URL: "a\xff"}, `value.url is text that is not UTF-8: "a\xff"`},
		{map[string]int{"a\xff": 1}, `value has a key that is not UTF-8: "a\xff"`},
		{loop, "value.Next.Next refers back to a value that contains it"},
		{self, "value.self refers back to a value that contains it"},
		{failing{}, "cannot write this"},
	} {
		_, err := Encode(each.value)
		var problem *Error
		if !errors.As(err, &problem) || problem.Reason != InvalidField || !strings.Contains(err.Error(), each.want) {
			t.Errorf("%T: %v; want %s", each.value, err, each.want)
		}
		if want := "cannot encode a value: its payload cannot be written as JSON: "; err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v does not begin with %q", err, want)
		}
	}
}

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("cannot write this") }

func TestPayloadsAreReadIntoTheirTypes(t *testing.T) {
	if got, err := Decode[page]([]byte(`{"url":"a","more":1}`)); err != nil || got != (page{URL: "a"}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, data := range []string{"", "null"} {
		if got, err := Decode[*page]([]byte(data)); err != nil || got != nil {
			t.Errorf("%q is %v, %v", data, got, err)
		}
		if got, err := Decode[page]([]byte(data)); err != nil || got != (page{}) {
			t.Errorf("%q is %v, %v", data, got, err)
		}
	}
	if _, err := Decode[None]([]byte(`{"a":1}`)); err != nil {
		t.Errorf("an input that nobody reads: %v", err)
	}
	if got, err := Decode[json.RawMessage]([]byte(`{"n":12345678901234567890}`)); err != nil || string(got) != `{"n":12345678901234567890}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := Decode[int64]([]byte("9007199254740993")); err != nil || got != 9007199254740993 {
		t.Errorf("%d, %v", got, err)
	}
}

func TestWhatDoesNotFitIsRefusedWithItsPlace(t *testing.T) {
	for _, each := range []struct {
		err  error
		want string
	}{
		{failureOf(Decode[page]([]byte(`{"depth":"deep"}`))), "cannot decode a value: input.depth is a string, must be int"},
		{failureOf(Decode[int]([]byte(`"a"`))), "cannot decode a value: input is a string, must be int"},
		{failureOf(Decode[time.Time]([]byte(`"yesterday"`))), `cannot decode a value: input is "yesterday", no time.Time: `},
		{failureOf(Decode[map[string][]page]([]byte(`{"a":[{},{"url":7}]}`))), "cannot decode a value: input.a[1].url is a number, must be string"},
		{failureOf(Decode[struct{ page }]([]byte(`{"URL":[]}`))), "cannot decode a value: input.url is a array, must be string"},
		{failureOf(Decode[any]([]byte(`{`))), "cannot decode a value: its payload is not JSON in UTF-8: unexpected end"},
		{failureOf(Decode[any]([]byte("\"\xff\""))), "cannot decode a value: its payload is not JSON in UTF-8: it is not UTF-8"},
	} {
		if ReasonOf(each.err) != InvalidField || !strings.HasPrefix(each.err.Error(), each.want) {
			t.Errorf("%v; want %s", each.err, each.want)
		}
	}
}

func failureOf[T any](_ T, err error) error { return err }

func TestPayloadsComeBackAsTheyWere(t *testing.T) {
	for _, value := range []any{nil, 0.0, "", []any{}, map[string]any{}, false, "ünï ✓", []any{1.0, []any{2.5, nil}}} {
		data, err := Encode(value)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode[any](data); err != nil || !reflect.DeepEqual(back, value) {
			t.Errorf("%#v came back as %#v, %v", value, back, err)
		}
	}
}

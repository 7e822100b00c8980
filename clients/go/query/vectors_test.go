package query

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/vectors"
)

var comparisons = map[string]spanloomv1.Comparison{
	"eq": Equal, "ne": NotEqual, "lt": Less, "lte": LessOrEqual, "gt": Greater, "gte": GreaterOrEqual, "contains": Contains,
}

// conditionsOf gives the conditions of a vector, in the order of keys and operators.
func conditionsOf(t *testing.T, described map[string]any) []Condition {
	t.Helper()
	var made []Condition
	for _, key := range slices.Sorted(maps.Keys(described)) {
		operators, ok := described[key].(map[string]any)
		if !ok || isTag(operators) {
			operators = map[string]any{"eq": described[key]}
		}
		for _, operator := range slices.Sorted(maps.Keys(operators)) {
			if operator == "exists" {
				made = append(made, HasAttribute(key))
				continue
			}
			made = append(made, Attribute(key, comparisons[operator], vectors.Untagged(t, operators[operator])))
		}
	}
	return made
}

func isTag(object map[string]any) bool {
	for key := range object {
		return strings.HasPrefix(key, "$")
	}
	return false
}

// groupsOf gives the comparisons of a filter: all groups must hold, any filter of a group will do.
func groupsOf(filter *spanloomv1.SpanFilter) [][]*spanloomv1.AttributeFilter {
	if len(filter.GetOr()) > 0 {
		var alternatives []*spanloomv1.AttributeFilter
		for _, each := range filter.GetOr() {
			alternatives = append(alternatives, each.GetAttributes()...)
		}
		return [][]*spanloomv1.AttributeFilter{alternatives}
	}
	var groups [][]*spanloomv1.AttributeFilter
	for _, each := range filter.GetAnd() {
		groups = append(groups, groupsOf(each)...)
	}
	if len(filter.GetAttributes()) > 0 {
		groups = append(groups, filter.GetAttributes())
	}
	return groups
}

func TestConditionsOnAttributesAreWhatEveryLanguageMakesOfThem(t *testing.T) {
	known := vectors.Read[struct {
		Conditions []struct {
			Name       string
			Conditions map[string]any
			Filters    [][]json.RawMessage
		}
		Refused []struct {
			vectors.Refusal
			Name       string
			Conditions map[string]any
		}
	}](t, "attribute-conditions.json")
	for _, each := range known.Conditions {
		var got [][]*spanloomv1.AttributeFilter
		for _, condition := range conditionsOf(t, each.Conditions) {
			filter := &spanloomv1.SpanFilter{}
			if err := condition.span(filter); err != nil {
				t.Fatal(err)
			}
			got = append(got, groupsOf(filter)...)
		}
		if !equalGroups(t, got, each.Filters) {
			t.Errorf("%s: got %v", each.Name, got)
		}
	}
	for _, each := range known.Refused {
		if !each.IsRefused() {
			continue
		}
		err := conditionsOf(t, each.Conditions)[0].span(&spanloomv1.SpanFilter{})
		if string(spanloom.ReasonOf(err)) != each.Reason {
			t.Errorf("%s: %v", each.Name, err)
		}
	}
}

func equalGroups(t *testing.T, got [][]*spanloomv1.AttributeFilter, want [][]json.RawMessage) bool {
	t.Helper()
	return slices.EqualFunc(got, want, func(got []*spanloomv1.AttributeFilter, want []json.RawMessage) bool {
		return slices.EqualFunc(got, want, func(got *spanloomv1.AttributeFilter, want json.RawMessage) bool {
			filter := &spanloomv1.AttributeFilter{}
			if err := protojson.Unmarshal(want, filter); err != nil {
				t.Fatal(err)
			}
			return proto.Equal(got, filter)
		})
	})
}

type columnVector struct{ Name, Type string }

type arrowVector struct {
	Columns []columnVector
	Rows    []map[string]any
}

func TestAnswersOfQueriesAreReadAsInEveryLanguage(t *testing.T) {
	known := vectors.Read[map[string]json.RawMessage](t, "arrow.json")
	for _, name := range []string{"spans", "logs"} {
		var want arrowVector
		if err := json.Unmarshal(known[name], &want); err != nil {
			t.Fatal(err)
		}
		var rows []map[string]any
		for part, err := range partsOf(vectors.File(t, name+".arrows")) {
			if err != nil {
				t.Fatal(err)
			}
			if columns := columnsOf(part.schema); !slices.Equal(columns, want.Columns) {
				t.Errorf("%s has the columns %v", name, columns)
			}
			rows = append(rows, rowsOf(part.batch)...)
		}
		for index := range max(len(rows), len(want.Rows)) {
			if index >= len(rows) || index >= len(want.Rows) || !reflect.DeepEqual(rows[index], want.Rows[index]) {
				t.Errorf("%d rows of %s; row %d is %v", len(rows), name, index, rows[index])
			}
		}
	}
}

func columnsOf(schema *arrow.Schema) []columnVector {
	var columns []columnVector
	for _, field := range schema.Fields() {
		columns = append(columns, columnVector{field.Name, typeName(field.Type)})
	}
	return columns
}

func typeName(kind arrow.DataType) string {
	switch kind := kind.(type) {
	case *arrow.DictionaryType:
		return "dict"
	case *arrow.TimestampType:
		return fmt.Sprintf("timestamp[%s, %s]", kind.Unit, kind.TimeZone)
	case *arrow.MapType:
		return fmt.Sprintf("map<%s, %s>", typeName(kind.KeyType()), typeName(kind.ItemType()))
	case *arrow.ListType:
		return fmt.Sprintf("list<%s>", typeName(kind.Elem()))
	case *arrow.StructType:
		var fields []string
		for _, field := range kind.Fields() {
			fields = append(fields, field.Name+": "+typeName(field.Type))
		}
		return fmt.Sprintf("struct<%s>", strings.Join(fields, ", "))
	default:
		return kind.Name()
	}
}

func rowsOf(batch arrow.RecordBatch) []map[string]any {
	rows := make([]map[string]any, batch.NumRows())
	for row := range rows {
		rows[row] = map[string]any{}
		for index, field := range batch.Schema().Fields() {
			rows[row][field.Name] = valueOf(batch.Column(index), row)
		}
	}
	return rows
}

// valueOf is a value as the vectors write it.
func valueOf(column arrow.Array, row int) any {
	if column.IsNull(row) {
		return nil
	}
	switch column := column.(type) {
	case *array.Dictionary:
		return valueOf(column.Dictionary(), column.GetValueIndex(row))
	case *array.Timestamp:
		return strconv.FormatInt(int64(column.Value(row)), 10)
	case *array.Int64:
		return strconv.FormatInt(column.Value(row), 10)
	case *array.Uint32:
		return float64(column.Value(row))
	case *array.Map:
		entries := map[string]any{}
		start, end := column.ValueOffsets(row)
		for at := int(start); at < int(end); at++ {
			entries[valueOf(column.Keys(), at).(string)] = valueOf(column.Items(), at)
		}
		return entries
	case *array.List:
		items := []any{}
		start, end := column.ValueOffsets(row)
		for at := int(start); at < int(end); at++ {
			items = append(items, valueOf(column.ListValues(), at))
		}
		return items
	case *array.Struct:
		fields := map[string]any{}
		for index, field := range column.DataType().(*arrow.StructType).Fields() {
			fields[field.Name] = valueOf(column.Field(index), row)
		}
		return fields
	default:
		return column.ValueStr(row)
	}
}

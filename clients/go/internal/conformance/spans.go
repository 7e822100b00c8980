package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	spanloom "spanloom.dev/go"
)

type spanStep struct {
	Name       string     `json:"name"`
	API        string     `json:"api"`
	Kind       string     `json:"kind"`
	Attributes attributes `json:"attributes"`
	Events     []struct {
		Name       string     `json:"name"`
		Attributes attributes `json:"attributes"`
	} `json:"events"`
	Links []struct {
		Traceparent string     `json:"traceparent"`
		Attributes  attributes `json:"attributes"`
	} `json:"links"`
	Status *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"status"`
	Steps []step `json:"steps"`
	Open  bool   `json:"open"`
}

var kinds = map[string]trace.SpanKind{
	"": trace.SpanKindInternal, "INTERNAL": trace.SpanKindInternal, "SERVER": trace.SpanKindServer,
	"CLIENT": trace.SpanKindClient, "PRODUCER": trace.SpanKindProducer, "CONSUMER": trace.SpanKindConsumer,
}

func (d *doing) span(ctx context.Context, step step) error {
	options := []trace.SpanStartOption{
		trace.WithSpanKind(kinds[step.Kind]), trace.WithAttributes(step.Attributes.all()...),
	}
	if step.API != "global" {
		return spanloom.InSpan(ctx, step.Name, func(ctx context.Context) error { return d.within(ctx, step) }, options...)
	}
	ctx, span := otel.Tracer("conformance.library", trace.WithInstrumentationVersion("1.0")).Start(ctx, step.Name, options...)
	if !step.Open {
		defer span.End()
	}
	return d.within(ctx, step)
}

// within does what belongs to the active span.
func (d *doing) within(ctx context.Context, step step) error {
	span := trace.SpanFromContext(ctx)
	for _, each := range step.Events {
		span.AddEvent(each.Name, trace.WithAttributes(each.Attributes.all()...))
	}
	for _, each := range step.Links {
		remote := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": each.Traceparent})
		span.AddLink(trace.Link{SpanContext: trace.SpanContextFromContext(remote), Attributes: each.Attributes.all()})
	}
	if err := d.all(ctx, step.Steps); err != nil {
		return err
	}
	if step.Status != nil {
		code := codes.Ok
		if step.Status.Code == "ERROR" {
			code = codes.Error
		}
		span.SetStatus(code, step.Status.Message)
	}
	return nil
}

// attributes are texts, booleans, numbers, and arrays of one of these, as JSON has them.
type attributes map[string]any

// UnmarshalJSON keeps whole numbers and others apart.
func (a *attributes) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(a))
}

func (a attributes) all() []attribute.KeyValue {
	made := make([]attribute.KeyValue, 0, len(a))
	for key, value := range a {
		made = append(made, attribute.KeyValue{Key: attribute.Key(key), Value: attributeOf(value)})
	}
	slices.SortFunc(made, func(one, other attribute.KeyValue) int { return bytes.Compare([]byte(one.Key), []byte(other.Key)) })
	return made
}

func attributeOf(value any) attribute.Value {
	switch value := value.(type) {
	case string:
		return attribute.StringValue(value)
	case bool:
		return attribute.BoolValue(value)
	case json.Number:
		if whole, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
			return attribute.Int64Value(whole)
		}
		fraction, _ := value.Float64()
		return attribute.Float64Value(fraction)
	case []any:
		return listOf(value)
	default:
		return attribute.StringValue(fmt.Sprint(value))
	}
}

// listOf gives a list, which has values of one kind: that of the first, but for a fraction among whole numbers.
func listOf(list []any) attribute.Value {
	var texts []string
	var flags []bool
	var whole []int64
	var fractions []float64
	for _, each := range list {
		switch value := attributeOf(each); value.Type() {
		case attribute.BOOL:
			flags = append(flags, value.AsBool())
		case attribute.INT64:
			whole, fractions = append(whole, value.AsInt64()), append(fractions, float64(value.AsInt64()))
		case attribute.FLOAT64:
			fractions = append(fractions, value.AsFloat64())
		default:
			texts = append(texts, value.AsString())
		}
	}
	switch {
	case len(flags) > 0:
		return attribute.BoolSliceValue(flags)
	case len(whole) > 0 && len(whole) == len(fractions):
		return attribute.Int64SliceValue(whole)
	case len(fractions) > 0:
		return attribute.Float64SliceValue(fractions)
	default:
		return attribute.StringSliceValue(texts)
	}
}

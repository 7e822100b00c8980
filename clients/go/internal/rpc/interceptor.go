package rpc

import (
	"context"
	"errors"
	"io"
	"time"

	"connectrpc.com/connect"
)

// Interceptor gives every call the token, unary ones a deadline as well, and translates their errors.
type Interceptor struct {
	// Token to send; empty for none.
	Token string
	// Timeout of a unary call that [WithTimeout] gives none of its own.
	Timeout time.Duration
	// Translate is given the caller's context and what the call failed with.
	Translate func(ctx context.Context, err error) error
}

type timeoutKey struct{}

// WithTimeout gives the unary calls made with the context a timeout of their own.
func WithTimeout(ctx context.Context, timeout time.Duration) context.Context {
	return context.WithValue(ctx, timeoutKey{}, timeout)
}

// WrapUnary is connect's.
func (i *Interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		timeout, own := ctx.Value(timeoutKey{}).(time.Duration)
		if !own {
			timeout = i.Timeout
		}
		bounded, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if i.Token != "" {
			request.Header().Set("Authorization", "Bearer "+i.Token)
		}
		response, err := next(bounded, request)
		if err != nil {
			return nil, i.Translate(ctx, err)
		}
		return response, nil
	}
}

// WrapStreamingClient is connect's.
func (i *Interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		stream := next(ctx, spec)
		if i.Token != "" {
			stream.RequestHeader().Set("Authorization", "Bearer "+i.Token)
		}
		return &translated{StreamingClientConn: stream, ctx: ctx, translate: i.Translate}
	}
}

// WrapStreamingHandler is connect's; there are no handlers here.
func (i *Interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

type translated struct {
	connect.StreamingClientConn
	//nolint:containedctx // The stream's own, which its errors are told by.
	ctx       context.Context
	translate func(context.Context, error) error
}

func (t *translated) Receive(message any) error {
	return t.told(t.StreamingClientConn.Receive(message))
}

func (t *translated) Send(message any) error {
	return t.told(t.StreamingClientConn.Send(message))
}

func (t *translated) told(err error) error {
	// The end of the stream, or that receiving tells why it ended.
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return t.translate(t.ctx, err)
}

package spanloom

import (
	"os"
	"time"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/trace"

	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
)

// ClientOptions says how to reach a server; fields left out have defaults.
type ClientOptions struct {
	// URL of the server. Default: SPANLOOM_URL, or http://127.0.0.1:7171.
	URL string
	// Token to send, when the server asks for one. Default: SPANLOOM_TOKEN, where URL is left out as well, so that no server
	// gets the token of another.
	Token string
	// Timeout of each try of a call. Default 30 s. The context bounds the call with all its tries.
	Timeout time.Duration
	// HTTPClient makes the calls; nil for one of HTTP/1.1 that keeps up to 256 connections.
	HTTPClient connect.HTTPClient
	// TracerProvider makes spans for the calls that ask for work; nil for OpenTelemetry's global one, by which nothing is
	// made where the application has registered none.
	TracerProvider trace.TracerProvider
	// NoTracing switches those spans off; the caller's trace context is then passed on as it is.
	NoTracing bool
}

// Client talks to a server. One client serves a whole process: its calls share connections.
//
// It makes no connection before the first call.
//
// Concurrency: safe from any goroutine.
type Client struct {
	// Jobs of the server; [SubmitJob] and [SubmitJobs] submit them.
	Jobs *Jobs

	connection *connection
}

// NewClient makes a client. Errors: InvalidField for a URL or token that is none.
func NewClient(options ClientOptions) (*Client, error) {
	if options.URL == "" {
		options.URL = os.Getenv("SPANLOOM_URL")
		if options.Token == "" {
			options.Token = os.Getenv("SPANLOOM_TOKEN")
		}
	}
	made, err := newConnection(options)
	if err != nil {
		return nil, err
	}
	jobs := &Jobs{
		connection: made,
		calls:      spanloomv1connect.NewJobServiceClient(made.httpClient, made.url, made.option),
		spans:      newClientSpans(options, made.url),
	}
	return &Client{Jobs: jobs, connection: made}, nil
}

// URL is the server's base URL.
func (c *Client) URL() string { return c.connection.url }

// Close closes idle connections, but for those of an HTTP client that it was given. Safe to call twice; calls made later
// open new ones.
func (c *Client) Close() { c.connection.close() }

// Connect gives what a generated client is made of, for services that this package has no functions for:
//
//	triggers := spanloomv1connect.NewTriggerServiceClient(client.Connect())
//
// Its calls carry the token and a deadline, and fail with an [*Error]. They are made once: only the caller knows whether
// a call may reach the server twice without harm.
func (c *Client) Connect() (httpClient connect.HTTPClient, url string, option connect.ClientOption) {
	return c.connection.httpClient, c.connection.url, c.connection.option
}

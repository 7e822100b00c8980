//go:build tools

// Package backends pins what is built beside the collector: Jaeger, as its makers wrote it.
package backends

import _ "github.com/jaegertracing/jaeger/cmd/jaeger"

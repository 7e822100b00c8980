// Package rpc makes calls to a server: connections, deadlines, and waits between calls that are made again.
package rpc

import (
	"net"
	"net/http"
	"time"
)

const (
	// Node closes a connection that was idle for five seconds; one that is younger is very likely open.
	maxIdle = 4 * time.Second
	// Connections of one client: calls beyond them wait for one, and a server is not flooded with sockets.
	maxConnections = 256
)

// NewHTTPClient makes an HTTP client of its own: HTTP/1.1, a connection for each call under way, kept for the next. Why
// not HTTP/2: docs/adr/011-unary-calls-on-http-1-1.md.
func NewHTTPClient() *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			Protocols:           &protocols,
			MaxIdleConns:        maxConnections,
			MaxIdleConnsPerHost: maxConnections,
			MaxConnsPerHost:     maxConnections,
			IdleConnTimeout:     maxIdle,
			// On loopback and in data centres the network is faster than gzip.
			DisableCompression: true,
		},
		// A call that was sent elsewhere would be made without its token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

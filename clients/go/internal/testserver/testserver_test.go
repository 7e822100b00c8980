package testserver

import (
	"net/http"
	"testing"
)

func TestAServerKeepsItsPortWhenItIsStartedAgain(t *testing.T) {
	server := New(t)
	url := server.URL
	server.Kill()
	if _, err := http.Get(url); err == nil {
		t.Fatal("it answers, killed")
	}
	server.Start(t)
	answer, err := http.Get(url + "/healthz")
	if err != nil || server.URL != url {
		t.Fatal(err, server.URL)
	}
	answer.Body.Close()
	server.Stop()
	server.Stop()
}

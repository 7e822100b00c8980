package tracing

import (
	"log"
	"log/slog"
	"sync"
)

// captured is what log/slog had before the first runner of the process, and who asked for the handler.
var captured struct {
	mu     sync.Mutex
	users  int
	before *slog.Logger
	own    *slog.Logger
}

// CaptureLogging puts a LogHandler before slog's default handler until all who asked for it have called what this gives:
// one for all runners of the process, as each would write every record once more.
func CaptureLogging() (release func()) {
	captured.mu.Lock()
	defer captured.mu.Unlock()
	if captured.users == 0 {
		captured.before = slog.Default()
		if _, ours := captured.before.Handler().(*LogHandler); ours {
			// The application has put one there itself.
			captured.own = captured.before
		} else {
			captured.own = slog.New(NewLogHandler(captured.before.Handler()))
			setDefault(captured.own)
		}
	}
	captured.users++
	var once sync.Once
	return func() { once.Do(releaseLogging) }
}

func releaseLogging() {
	captured.mu.Lock()
	defer captured.mu.Unlock()
	captured.users--
	// What the application has set meanwhile is left alone.
	if captured.users == 0 && captured.own != captured.before && slog.Default() == captured.own {
		setDefault(captured.before)
	}
}

// setDefault is slog.SetDefault, which leaves package log as it is: slog's own handler writes to log, and would wait for
// itself if log wrote to slog in turn.
func setDefault(logger *slog.Logger) {
	writer, flags := log.Writer(), log.Flags()
	slog.SetDefault(logger)
	log.SetOutput(writer)
	log.SetFlags(flags)
}

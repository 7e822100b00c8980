package spanloom

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// NewID makes a UUIDv7, as jobs, tasks and runners have: they sort by the millisecond they were made in.
func NewID() string {
	var id [16]byte
	// It never fails: the program would have ended.
	rand.Read(id[6:]) //nolint:errcheck
	milliseconds := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint16(id[0:], uint16(milliseconds>>32))
	binary.BigEndian.PutUint32(id[2:], uint32(milliseconds))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// IsID tells whether text is a UUID in lower case, as every id of the protocol is.
func IsID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for at, char := range []byte(text) {
		switch at {
		case 8, 13, 18, 23:
			if char != '-' {
				return false
			}
		default:
			if (char < '0' || char > '9') && (char < 'a' || char > 'f') {
				return false
			}
		}
	}
	return true
}

// TraceIDOfJob is the trace of a job that starts one of its own, 32 hex digits; empty for what is no id.
func TraceIDOfJob(jobID string) string {
	if !IsID(jobID) {
		return ""
	}
	return strings.ReplaceAll(jobID, "-", "")
}

// SpanIDOf is the span of a job or task, 16 hex digits: the low 8 bytes of its id. Empty for what is no id.
func SpanIDOf(id string) string {
	if !IsID(id) {
		return ""
	}
	return id[19:23] + id[24:]
}

// AttemptSpanID is the span of a task's attempt, which counts from 1: 16 hex digits. Empty for what is no id.
//
// It is a mix of the task's span id and the number, a bijection for each number, so that server, runner and a projection
// made years later agree without storing it.
//
// Source: docs/adr/001-derive-span-ids.md; packages/protocol/src/ids.ts.
func AttemptSpanID(taskID string, attempt uint32) string {
	span, err := strconv.ParseUint(SpanIDOf(taskID), 16, 64)
	if err != nil {
		return ""
	}
	high := mix32(uint32(span>>32) ^ attempt*0x9e3779b1)
	low := mix32(uint32(span) ^ attempt*0x85ebca77)
	if high|low == 0 {
		low = 1
	}
	return fmt.Sprintf("%08x%08x", high, low)
}

func mix32(x uint32) uint32 {
	x = (x ^ x>>16) * 0x7feb352d
	x = (x ^ x>>15) * 0x846ca68b
	return x ^ x>>16
}

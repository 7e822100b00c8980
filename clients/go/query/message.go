package query

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"

	"connectrpc.com/connect"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"

	spanloom "spanloom.dev/go"
)

const (
	// The flags and the length before each message of a stream.
	envelopeBytes = 5
	// Both tags and both lengths before Arrow's bytes in a message.
	maxHead = 2 * (1 + 5)
	// What Arrow likes its memory aligned to.
	alignment = 64
	// A chunk has some ten million bytes; what claims to have more than this is none.
	maxMessageBytes = 1 << 30
)

// message is an answer of QueryService, whichever of its calls it is of: they are alike but for the position that tails
// have.
//
// Source: proto/spanloom/v1/query_service.proto.
type message struct {
	// Whole Arrow streams, where they were received.
	ipc      []byte
	position string
}

// readMessage gives the message that the bytes are, as a view of them.
func readMessage(data []byte) (*message, error) {
	made := &message{}
	err := eachField(data, func(number protowire.Number, value []byte) error {
		switch number {
		case 1:
			return eachField(value, func(number protowire.Number, value []byte) error {
				if number == 1 {
					made.ipc = value
				}
				return nil
			})
		case 2:
			made.position = string(value)
		}
		return nil
	})
	return made, err
}

// eachField gives the fields of a message that have a length, and passes over the others.
func eachField(data []byte, take func(protowire.Number, []byte) error) error {
	for len(data) > 0 {
		number, kind, size := protowire.ConsumeTag(data)
		if size < 0 {
			return protowire.ParseError(size)
		}
		data = data[size:]
		if kind != protowire.BytesType {
			if size = protowire.ConsumeFieldValue(number, kind, data); size < 0 {
				return protowire.ParseError(size)
			}
			data = data[size:]
			continue
		}
		value, size := protowire.ConsumeBytes(data)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if err := take(number, value); err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}

// call makes a call and gives its messages to take, until that wants no more or fails.
//
// Everything about the call is connect's but the bytes of messages, which connect would collect in a buffer that grows,
// for a codec that must copy them out of it: they are received where they stay, and connect is told of empty messages.
func call[Request any](
	ctx context.Context, c *Client, procedure string, request *Request, take func(*message) (bool, error),
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	httpClient, url, option := c.client.Connect()
	diverted := &diverter{next: httpClient}
	calls := connect.NewClient[Request, emptypb.Empty](diverted, url+procedure, option)
	answer, err := calls.CallServerStream(ctx, connect.NewRequest(request))
	if err != nil {
		return err
	}
	defer func() {
		cancel()
		// Of a stream that nobody reads any more there is nothing to be told.
		_ = answer.Close()
	}()
	for answer.Receive() {
		received, err := readMessage(diverted.message)
		if err != nil {
			return &spanloom.Error{Reason: spanloom.Internal, Message: fmt.Sprintf("cannot read the answer: %s", err)}
		}
		if more, err := take(received); err != nil || !more {
			return err
		}
	}
	return answer.Err()
}

// diverter is an HTTP client for one call, whose answer's messages it keeps, one at a time, in place of handing them on.
type diverter struct {
	next    connect.HTTPClient
	message []byte
}

// Do is connect's.
func (d *diverter) Do(request *http.Request) (*http.Response, error) {
	answer, err := d.next.Do(request)
	if err == nil && answer.StatusCode == http.StatusOK && answer.Header.Get("Content-Type") == "application/connect+proto" {
		answer.Body = &divertedBody{ReadCloser: answer.Body, diverter: d}
	}
	return answer, err
}

// divertedBody reads a stream's envelopes: those of messages without their messages, all others as they are.
//
// Source: https://connectrpc.com/docs/protocol, streaming RPCs.
type divertedBody struct {
	io.ReadCloser

	diverter *diverter
	// What of an envelope's head was not yet read, and how much is to be read after it as it is.
	head   []byte
	asItIs int64
}

// Read is connect's, called on the goroutine that receives messages.
func (b *divertedBody) Read(target []byte) (int, error) {
	if len(b.head) == 0 && b.asItIs == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	if len(b.head) > 0 {
		count := copy(target, b.head)
		b.head = b.head[count:]
		return count, nil
	}
	count, err := b.ReadCloser.Read(target[:min(int64(len(target)), b.asItIs)])
	b.asItIs -= int64(count)
	return count, err
}

// next reads the head of the next envelope, and the message after it if it is one.
func (b *divertedBody) next() error {
	head := make([]byte, envelopeBytes)
	if _, err := io.ReadFull(b.ReadCloser, head); err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	b.head = head
	// The end of the stream, or what was compressed unasked: connect's matter.
	if head[0] != 0 {
		b.asItIs = size
		return nil
	}
	if size > maxMessageBytes {
		return fmt.Errorf("a message of %d bytes, limit is %d", size, maxMessageBytes)
	}
	message, err := receive(b.ReadCloser, int(size))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	b.diverter.message = message
	clear(head[1:])
	return err
}

// receive reads a message of so many bytes to where Arrow's bytes in it are aligned.
func receive(source io.Reader, size int) ([]byte, error) {
	head := make([]byte, min(size, maxHead))
	if _, err := io.ReadFull(source, head); err != nil {
		return nil, err
	}
	place := placeOfIPC(head)
	start := (alignment - place%alignment) % alignment
	message := memory.DefaultAllocator.Allocate(start + size)[start:]
	_, err := io.ReadFull(source, message[copy(message, head):])
	return message, err
}

// placeOfIPC is where Arrow's bytes begin in a message that begins so; 0 when it is not laid out as usual.
func placeOfIPC(head []byte) int {
	const tag = 1<<3 | byte(protowire.BytesType)
	place := 0
	for range 2 {
		if place >= len(head) || head[place] != tag {
			return 0
		}
		_, size := protowire.ConsumeVarint(head[place+1:])
		if size < 0 {
			return 0
		}
		place += 1 + size
	}
	return place
}

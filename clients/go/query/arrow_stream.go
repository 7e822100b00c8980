package query

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	spanloom "spanloom.dev/go"
)

// part is a batch with its schema; the schema alone of a stream without rows.
type part struct {
	schema *arrow.Schema
	batch  arrow.RecordBatch
}

// partsOf gives the batches of whole Arrow streams, as views of their bytes.
func partsOf(data []byte) iter.Seq2[part, error] {
	return func(yield func(part, error) bool) {
		source := &inPlace{data: data}
		for len(source.data) > 0 {
			reader, err := ipc.NewReaderFromMessageReader(source)
			if err != nil {
				yield(part{}, broken(err))
				return
			}
			empty := true
			for reader.Next() {
				empty = false
				batch := reader.RecordBatch()
				// The reader lets go of it with the next one.
				batch.Retain()
				if !yield(part{schema: reader.Schema(), batch: batch}, nil) {
					return
				}
			}
			if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
				yield(part{}, broken(err))
				return
			}
			if empty && !yield(part{schema: reader.Schema()}, nil) {
				return
			}
		}
	}
}

func broken(err error) error {
	message := fmt.Sprintf("cannot read the answer: its Arrow bytes are broken: %s", err)
	return &spanloom.Error{Reason: spanloom.Internal, Message: message}
}

const (
	continuation = math.MaxUint32
	headBytes    = 8
)

// inPlace reads the messages of Arrow streams without copying them, as Arrow's own reader does.
//
// Source: https://arrow.apache.org/docs/format/Columnar.html, encapsulated message format.
type inPlace struct {
	data []byte
}

// Retain and Release are Arrow's; there is nothing to be counted.
func (p *inPlace) Retain()  {}
func (p *inPlace) Release() {}

// Message gives the next message; io.EOF at the end of a stream, with the data at the next one's begin.
func (p *inPlace) Message() (next *ipc.Message, err error) {
	defer func() {
		// Metadata that is not what it must be.
		if problem := recover(); problem != nil {
			next, err = nil, fmt.Errorf("%v", problem)
		}
	}()
	if len(p.data) == 0 {
		return nil, io.EOF
	}
	if len(p.data) < headBytes || binary.LittleEndian.Uint32(p.data) != continuation {
		return nil, errors.New("a message begins with something else")
	}
	size := int(binary.LittleEndian.Uint32(p.data[4:]))
	p.data = p.data[headBytes:]
	if size == 0 {
		return nil, io.EOF
	}
	meta, err := p.take(int64(size))
	if err != nil {
		return nil, err
	}
	head := memory.NewBufferBytes(meta)
	length := ipc.NewMessage(head, memory.NewBufferBytes(nil)).BodyLen()
	body, err := p.take(length)
	if err != nil {
		return nil, err
	}
	return ipc.NewMessage(head, memory.NewBufferBytes(body)), nil
}

func (p *inPlace) take(size int64) ([]byte, error) {
	if size < 0 || size > int64(len(p.data)) {
		return nil, io.ErrUnexpectedEOF
	}
	taken := p.data[:size:size]
	p.data = p.data[size:]
	return taken, nil
}

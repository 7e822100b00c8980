package query

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// ipcOf is an Arrow stream of numbers in batches of the sizes given.
func ipcOf(t *testing.T, sizes ...int) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	var buffer bytes.Buffer
	writer := ipc.NewWriter(&buffer, ipc.WithSchema(schema))
	for _, size := range sizes {
		builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for n := range size {
			builder.Field(0).(*array.Int64Builder).Append(int64(n))
		}
		if err := writer.Write(builder.NewRecordBatch()); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestBatchesAreViewsOfAlignedMemory(t *testing.T) {
	streams := append(ipcOf(t, 3, 5), ipcOf(t)...)
	data, err := proto.Marshal(&spanloomv1.TailSpansResponse{Chunk: &spanloomv1.ArrowChunk{Ipc: streams, Rows: 8}, Position: "here"})
	if err != nil {
		t.Fatal(err)
	}
	received, err := messageOf(data)
	if err != nil || received.position != "here" {
		t.Fatal(received, err)
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(received.ipc)))
	if start%64 != 0 {
		t.Errorf("it begins at %x", start)
	}
	rows, schemas := int64(0), 0
	for part, err := range partsOf(received.ipc) {
		if err != nil {
			t.Fatal(err)
		}
		schemas++
		if part.batch == nil {
			continue
		}
		rows += part.batch.NumRows()
		values := part.batch.Column(0).Data().Buffers()[1].Bytes()
		at := uintptr(unsafe.Pointer(unsafe.SliceData(values)))
		if at < start || at >= start+uintptr(len(received.ipc)) || at%8 != 0 {
			t.Errorf("values at %x, the answer at %x", at, start)
		}
	}
	if rows != 8 || schemas != 3 {
		t.Errorf("%d rows, %d schemas", rows, schemas)
	}
}

func TestTellsOfArrowThatIsBroken(t *testing.T) {
	whole := ipcOf(t, 100)
	long := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, continuation), 1000)
	for name, data := range map[string][]byte{
		"cut off":        whole[:len(whole)/2],
		"a head":         whole[:4],
		"something else": []byte("<html></html>"),
		"garbage":        append(long, bytes.Repeat([]byte{'x'}, 1000)...),
		"too short":      long,
	} {
		var problem error
		for _, err := range partsOf(data) {
			problem = err
		}
		if !errors.Is(problem, spanloom.Internal) || !strings.Contains(problem.Error(), "its Arrow bytes are broken") {
			t.Errorf("%s: %v", name, problem)
		}
	}
	for part := range partsOf(nil) {
		t.Errorf("%v of nothing", part)
	}
}

// messageOf is the message of an envelope with these bytes, as it comes off the wire.
func messageOf(data []byte) (*message, error) {
	envelope := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(data))), data...)
	kept := &diverter{}
	body := &divertedBody{ReadCloser: io.NopCloser(iotest.HalfReader(bytes.NewReader(envelope))), diverter: kept}
	if head, err := io.ReadAll(body); err != nil || !bytes.Equal(head, make([]byte, envelopeBytes)) {
		return nil, fmt.Errorf("connect is told %v, %w", head, err)
	}
	return readMessage(kept.message)
}

func TestTellsOfMessagesThatAreBroken(t *testing.T) {
	for _, data := range [][]byte{{10, 200}, {10, 2, 10, 5}, {8}, {0xff}} {
		if received, err := messageOf(data); err == nil {
			t.Errorf("%v was read as %v", data, received)
		}
	}
	for _, data := range [][]byte{nil, {10, 0}, {10, 2, 16, 5, 24, 1}} {
		if received, err := messageOf(data); err != nil || received.ipc != nil {
			t.Errorf("%v was read as %v, %v", data, received, err)
		}
	}
}

func TestTellsOfEnvelopesThatAreBroken(t *testing.T) {
	for name, data := range map[string][]byte{
		"a head cut off":    {0, 0, 0},
		"a message cut off": {0, 0, 0, 0, 9, 10, 7},
		"a giant":           {0, 0xff, 0xff, 0xff, 0xff, 1},
	} {
		body := &divertedBody{ReadCloser: io.NopCloser(bytes.NewReader(data)), diverter: &diverter{}}
		if _, err := io.ReadAll(body); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestHandsOnEnvelopesOfNoMessageAsTheyAre(t *testing.T) {
	end := []byte{2, 0, 0, 0, 2, '{', '}'}
	body := &divertedBody{ReadCloser: io.NopCloser(bytes.NewReader(end)), diverter: &diverter{}}
	if data, err := io.ReadAll(iotest.OneByteReader(body)); err != nil || !bytes.Equal(data, end) {
		t.Errorf("%v, %v", data, err)
	}
}

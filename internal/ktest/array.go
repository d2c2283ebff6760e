package ktest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"unsafe"
)

// An Array is a slice of any element type without pointers, seen as memory: what a function takes,
// in the form in which tests place, alter and compare it.
type Array struct {
	// Layout has a letter for each field of an element: f for a float32, d for a float64, and 1, 2,
	// 4 or 8 for an integer of so many bytes.
	Layout string
	Mem    []byte // nil: a nil slice
}

// LayoutOf returns the layout of E's elements.
func LayoutOf[E any]() string { return layoutOf(reflect.TypeFor[E]()) }

func layoutOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Float32:
		return "f"
	case reflect.Float64:
		return "d"
	case reflect.Struct:
		var b strings.Builder
		for i := range t.NumField() {
			b.WriteString(layoutOf(t.Field(i).Type))
		}
		return b.String()
	}
	return fmt.Sprint(t.Size())
}

func fieldSize(field byte) int {
	switch field {
	case 'f':
		return 4
	case 'd':
		return 8
	}
	return int(field - '0')
}

// NewArray returns n elements that hold the canary byte.
func NewArray(layout string, n int) Array {
	a := Array{Layout: layout}
	a.Mem = make([]byte, n*a.Size())
	FillCanary(a.Mem)
	return a
}

// Size returns the size of an element in bytes.
func (a Array) Size() int {
	n := 0
	for i := range len(a.Layout) {
		n += fieldSize(a.Layout[i])
	}
	return n
}

// Len returns the number of elements.
func (a Array) Len() int { return len(a.Mem) / a.Size() }

// Slice returns elements lo to hi, in the same memory. Of a nil slice that is a nil slice.
func (a Array) Slice(lo, hi int) Array {
	if a.Mem != nil {
		a.Mem = a.Mem[lo*a.Size() : hi*a.Size()]
	}
	return a
}

// Clone returns a copy in memory of its own.
func (a Array) Clone() Array {
	a.Mem = bytes.Clone(a.Mem)
	return a
}

// View returns a as a slice of E, with a's capacity.
func View[E any](a Array) []E {
	if a.Mem == nil {
		return nil
	}
	size := int(unsafe.Sizeof(*new(E)))
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(a.Mem))), cap(a.Mem)/size)[:len(a.Mem)/size]
}

// fields calls f with the number of each element and the bits of each of its fields, which for all
// NaN are the same, until f returns false.
func (a Array) fields(f func(i int, field byte, bits uint64) bool) {
	for i, at := 0, 0; at < len(a.Mem); i++ {
		for _, field := range []byte(a.Layout) {
			var word [8]byte
			n := fieldSize(field)
			for j, b := range a.Mem[at : at+n] { // of either endianness
				if bigEndian {
					j = n - 1 - j
				}
				word[j] = b
			}
			bits := binary.LittleEndian.Uint64(word[:])
			switch field {
			case 'f':
				bits = Bits(math.Float32frombits(uint32(bits)))
			case 'd':
				bits = Bits(math.Float64frombits(bits))
			}
			if !f(i, field, bits) {
				return
			}
			at += n
		}
	}
}

// Finite reports whether no field is a NaN or an infinity.
func (a Array) Finite() bool {
	finite := true
	a.fields(func(_ int, field byte, bits uint64) bool {
		switch v := 0.0; field {
		case 'f':
			v = float64(math.Float32frombits(uint32(bits)))
			finite = v-v == 0
		case 'd':
			v = math.Float64frombits(bits)
			finite = v-v == 0
		}
		return finite
	})
	return finite
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// DiffArrays returns the first element in which a and b differ, or -1; all NaN are one.
func DiffArrays(a, b Array) int {
	if bytes.Equal(a.Mem, b.Mem) {
		return -1
	}
	at, width := -1, len(a.Layout)
	var want []uint64
	b.fields(func(_ int, _ byte, bits uint64) bool { want = append(want, bits); return true })
	k := 0
	a.fields(func(i int, _ byte, bits uint64) bool {
		if k >= len(want) || bits != want[k] {
			at = i
		}
		k++
		return at < 0
	})
	if at < 0 && k < len(want) {
		at = k / width
	}
	return at
}

// String returns the elements, with the bits of a single one.
func (a Array) String() string {
	if a.Mem == nil {
		return "nil"
	}
	var s []string
	a.fields(func(_ int, field byte, bits uint64) bool {
		var v any = int64(bits)
		switch field {
		case 'f':
			v = math.Float32frombits(uint32(bits))
		case 'd':
			v = math.Float64frombits(bits)
		}
		if len(a.Mem) <= a.Size() && (field == 'f' || field == 'd') {
			s = append(s, fmt.Sprintf("%v (%#x)", v, bits))
		} else {
			s = append(s, fmt.Sprint(v))
		}
		return len(s) < 64
	})
	return strings.Join(s, " ")
}

// ArrayOf returns s as an Array, in the same memory.
func ArrayOf[E any](s []E) Array {
	a := Array{Layout: LayoutOf[E]()}
	if s != nil {
		a.Mem = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*a.Size())
	}
	return a
}

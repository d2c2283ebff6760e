package ktest

import (
	"bytes"
	"fmt"
	"reflect"
	"unsafe"
)

// An Array is a slice of any element type without pointers, seen as memory. Tests place, alter and
// compare the arguments of a function in this form.
type Array struct {
	Type reflect.Type // of the elements
	Mem  []byte       // nil: a nil slice
}

// NewArray returns n elements that hold the canary byte.
func NewArray(t reflect.Type, n int) Array {
	a := Array{t, make([]byte, n*int(t.Size()))}
	FillCanary(a.Mem)
	return a
}

// ArrayOf returns s as an Array, in the same memory.
func ArrayOf[E any](s []E) Array {
	a := Array{Type: reflect.TypeFor[E]()}
	if s != nil {
		a.Mem = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))),
			len(s)*int(a.Type.Size()))
	}
	return a
}

// View returns a as a slice of E, with a's capacity.
func View[E any](a Array) []E {
	if a.Mem == nil {
		return nil
	}
	size := int(unsafe.Sizeof(*new(E)))
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(a.Mem))),
		cap(a.Mem)/size)[:len(a.Mem)/size]
}

// Len returns the number of elements.
func (a Array) Len() int { return len(a.Mem) / int(a.Type.Size()) }

// Slice returns the elements [lo, hi), in the same memory. A slice of a nil slice is nil.
func (a Array) Slice(lo, hi int) Array {
	if size := int(a.Type.Size()); a.Mem != nil {
		a.Mem = a.Mem[lo*size : hi*size]
	}
	return a
}

// Clone returns a copy in memory of its own.
func (a Array) Clone() Array { return Array{a.Type, bytes.Clone(a.Mem)} }

// At returns element i, which may be set.
func (a Array) At(i int) reflect.Value {
	return reflect.NewAt(a.Type, unsafe.Pointer(&a.Mem[i*int(a.Type.Size())])).Elem()
}

// Finite reports whether no field is a NaN or an infinity.
func (a Array) Finite() bool {
	for i := range a.Len() {
		if !finite(a.At(i)) {
			return false
		}
	}
	return true
}

func finite(v reflect.Value) bool {
	switch {
	case v.CanFloat():
		return v.Float()-v.Float() == 0
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if !finite(v.Field(i)) {
				return false
			}
		}
	}
	return true
}

// DiffArrays returns the index of the first element in which a and b differ, or -1. All NaN are
// equal.
func DiffArrays(a, b Array) int {
	if bytes.Equal(a.Mem, b.Mem) {
		return -1
	}
	for i := range min(a.Len(), b.Len()) {
		if !same(a.At(i), b.At(i)) {
			return i
		}
	}
	if a.Len() != b.Len() {
		return min(a.Len(), b.Len())
	}
	return -1
}

func same(a, b reflect.Value) bool {
	switch {
	case a.CanFloat():
		return Same(a.Float(), b.Float())
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// String returns the elements, with the bits of a single number.
func (a Array) String() string {
	if a.Len() == 1 && a.At(0).CanFloat() {
		return fmt.Sprintf("%v (%x)", a.At(0), a.At(0))
	}
	return fmt.Sprint(reflect.SliceAt(a.Type, unsafe.Pointer(unsafe.SliceData(a.Mem)),
		min(a.Len(), 64)))
}

// Package fuzz holds the fuzz targets, one for each function in internal/ktable and one for each
// layer.
//
// Raw bytes become values that include NaN, infinities, zeros of both signs,
// subnormals, huge and tiny magnitudes. Every target checks the bits of all
// available instruction sets against the generic code, in place and apart, the
// memory around every argument, that inputs stay as they are, and, where the
// table has a reference, the distance to it.
//
//	go test ./fuzz -run '^$' -fuzz '^FuzzSigmoid$' -fuzztime 1m
//
// -fuzz takes one target at a time; `go test ./fuzz -list '^Fuzz'` names them.
// A plain `go test ./fuzz` runs the seeds in testdata/fuzz, which `go test
// ./fuzz -run TestSeeds -write` writes.
package fuzz

// Package fuzz holds the fuzz targets: one for each function of internal/ktable that takes slices,
// and one for each layer.
//
// Raw bytes become values, among them NaN, infinities, zeros of both signs, subnormals, huge and
// tiny magnitudes. The target of a function compares the bits of all available instruction sets
// with the generic code, in place and apart. It checks that inputs and the memory around the
// arguments stay as they are and, if the table has a reference, the error of the results.
//
//	go test ./fuzz -run '^$' -fuzz '^FuzzSigmoid$' -fuzztime 1m
//
// -fuzz takes one target at a time; "go test ./fuzz -list '^Fuzz'" lists them. A plain "go test
// ./fuzz" runs the seeds in testdata/fuzz: seed00 and so on, which make golden writes, and the
// fewest inputs found by fuzzing that reach what those do not.
package fuzz

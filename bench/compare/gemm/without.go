//go:build !openblas

package main

// load is set where OpenBLAS is built in.
var load func(path, isaName string) (peer, error)

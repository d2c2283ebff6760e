//go:build !cgo

package cpeers

import "errors"

var errWithout = errors.New("shared libraries need a build with cgo")

// Open returns an error: loading a shared library takes cgo.
func Open(string) (string, []Entry, error) { return "", nil, errWithout }

// Recipe returns an error: loading a shared library takes cgo.
func Recipe() (string, []Entry, error) { return "", nil, errWithout }

package kernels

//go:generate go run ./kernels/generate

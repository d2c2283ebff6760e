// Package kernels provides the element and row loops of a small neural network on flat slices of float32 or float64:
// ReLU, sigmoid, softmax and cross-entropy, forward and backward.
package kernels

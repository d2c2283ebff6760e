package pages

import "kernels/internal/asmgen"

// pipelines has the fastest settings of the main loops that kernels/tune (make tune) found, by
// kernel, then by instruction set and type. rowsExpSum stands for all forms of the row exponential
// without a scale; with a scale, too few registers are left.
var pipelines = map[string]map[string]asmgen.Pipeline{
	"sigmoid": {
		"AVX512 F32": {Interval: 11, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 12, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 22, Latency: 115, Unroll: 8, Width: 4, Constants: 4, Sink: true},
		"AVX2 F64":   {Interval: 18, Latency: 105, Unroll: 8, Width: 3, Constants: 5, Sink: true},
	},
	"rowsExpSum": {
		"AVX512 F32": {Interval: 4, Latency: 75, Width: 4},
		"AVX512 F64": {Interval: 3, Latency: 50, Width: 4},
		"AVX2 F32":   {Interval: 10, Latency: 90, Width: 2, Sink: true},
		"AVX2 F64":   {Interval: 19, Latency: 90, Width: 2, Sink: true},
	},
	"tanh": {
		"AVX512 F32": {Interval: 11, Latency: 90, Unroll: 8, Width: 2},
		"AVX512 F64": {Interval: 16, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 6, Latency: 20, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 28, Latency: 90, Unroll: 4, Width: 3, Constants: 5, Sink: true},
	},
	"sigmoidLoss": {
		"AVX512 F32": {Interval: 13, Latency: 75, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 22, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 15, Latency: 45, Unroll: 4, Width: 3, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 24, Latency: 60, Unroll: 6, Width: 3, Constants: 5, Sink: true},
	},
	"sigmoidLossGrad": {
		"AVX512 F32": {Interval: 15, Latency: 75, Unroll: 6, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 28, Latency: 90, Unroll: 6, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 14, Latency: 30, Unroll: 4, Width: 3, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 42, Latency: 55, Unroll: 2, Width: 4, Constants: 7, Sink: true},
	},
	"lossLog": {
		"AVX512 F64": {Interval: 15, Latency: 75, Unroll: 8, Width: 3},
		"AVX2 F64":   {Interval: 26, Latency: 60, Unroll: 4, Width: 2},
	},
	"sigmoidFast": {
		"AVX512 F32": {Interval: 8, Latency: 90, Unroll: 8, Width: 2},
		"AVX512 F64": {Interval: 11, Latency: 115, Unroll: 8, Width: 2, Sink: true},
		"AVX2 F32":   {Interval: 9, Latency: 105, Unroll: 8, Width: 2, Constants: 5},
		"AVX2 F64":   {Interval: 14, Latency: 115, Unroll: 8, Width: 4, Constants: 7, Sink: true},
	},
	"geluTanh": {
		"AVX512 F32": {Interval: 18, Latency: 105, Unroll: 8, Width: 2, Sink: true},
		"AVX512 F64": {Interval: 24, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 31, Latency: 95, Unroll: 4, Width: 4, Constants: 4, Sink: true},
		"AVX2 F64":   {Interval: 30, Latency: 60, Unroll: 4, Width: 2, Constants: 5, Sink: true},
	},
	"silu": {
		"AVX512 F32": {Interval: 17, Latency: 90, Unroll: 8, Width: 4, Sink: true},
		"AVX512 F64": {Interval: 19, Latency: 115, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 20, Latency: 75, Unroll: 4, Width: 3, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 33, Latency: 120, Unroll: 8, Width: 3, Constants: 7, Sink: true},
	},
	"exp": {
		"AVX512 F32": {Interval: 7, Latency: 80, Unroll: 8, Width: 4, Sink: true},
		"AVX512 F64": {Interval: 12, Latency: 90, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F32":   {Interval: 19, Latency: 125, Unroll: 8, Width: 4, Constants: 7, Sink: true},
		"AVX2 F64":   {Interval: 16, Latency: 75, Unroll: 4, Width: 3, Constants: 5, Sink: true},
	},
	"expm1": { // AVX2 F32 is fastest without
		"AVX512 F32": {Interval: 16, Latency: 105, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX512 F64": {Interval: 14, Latency: 75, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 28, Latency: 75, Unroll: 6, Width: 2, Constants: 5, Sink: true},
	},
	"log": {
		"AVX512 F32": {Interval: 12, Latency: 90, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX512 F64": {Interval: 16, Latency: 75, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F32":   {Interval: 26, Latency: 75, Unroll: 8, Width: 2, Constants: 4, Sink: true},
		"AVX2 F64":   {Interval: 32, Latency: 75, Unroll: 6, Width: 3, Constants: 5, Sink: true},
	},
	"log1p": {
		"AVX512 F32": {Interval: 14, Latency: 105, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX512 F64": {Interval: 18, Latency: 75, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F32":   {Interval: 22, Latency: 60, Unroll: 4, Width: 2, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 30, Latency: 45, Unroll: 4, Width: 2, Constants: 5, Sink: true},
	},
	"elu": {
		"AVX512 F32": {Interval: 8, Latency: 105, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX512 F64": {Interval: 9, Latency: 75, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F32":   {Interval: 18, Latency: 105, Unroll: 4, Width: 2, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 22, Latency: 90, Unroll: 8, Width: 3, Constants: 5, Sink: true},
	},
	"eluBackward": {
		"AVX512 F32": {Interval: 10, Latency: 90, Unroll: 8, Width: 3},
		"AVX512 F64": {Interval: 12, Latency: 105, Unroll: 8, Width: 3, Constants: 5, Sink: true},
		"AVX2 F32":   {Interval: 12, Latency: 60, Unroll: 4, Width: 3},
		"AVX2 F64":   {Interval: 26, Latency: 90, Unroll: 6, Width: 3, Constants: 5, Sink: true},
	},
	"swiglu": {
		"AVX512 F32": {Interval: 11, Latency: 60, Unroll: 6, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 24, Latency: 105, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 18, Latency: 45, Unroll: 3, Width: 3, Sink: true},
		"AVX2 F64":   {Interval: 43, Latency: 90, Unroll: 3, Width: 2, Sink: true},
	},
	"siluBackward": {
		"AVX512 F32": {Interval: 14, Latency: 75, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 15, Latency: 105, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 16, Latency: 60, Unroll: 3, Width: 3, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 34, Latency: 125, Unroll: 4, Width: 4, Constants: 5, Sink: true},
	},
	"swigluBackward": {
		"AVX512 F32": {Interval: 18, Latency: 75, Unroll: 4, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 22, Latency: 90, Unroll: 6, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 30, Latency: 75, Unroll: 4, Width: 2, Constants: 4, Sink: true},
		"AVX2 F64":   {Interval: 26, Latency: 60, Unroll: 4, Width: 2, Constants: 5, Sink: true},
	},
	"softplus": {
		"AVX512 F32": {Interval: 16, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 24, Latency: 105, Unroll: 6, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 16, Latency: 45, Unroll: 3, Width: 3, Sink: true},
		"AVX2 F64":   {Interval: 26, Latency: 45, Unroll: 6, Width: 3, Constants: 4, Sink: true},
	},
	"softplusBackward": {
		"AVX512 F32": {Interval: 12, Latency: 90, Unroll: 8, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 15, Latency: 105, Unroll: 8, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 28, Latency: 90, Unroll: 3, Width: 2, Constants: 4, Sink: true},
		"AVX2 F64":   {Interval: 17, Latency: 40, Unroll: 8, Width: 4, Constants: 5, Sink: true},
	},
	"gelu": { // AVX2 F32 and AVX2 F64 are fastest without
		"AVX512 F32": {Interval: 28, Latency: 45, Unroll: 6, Width: 2, Sink: true},
		"AVX512 F64": {Interval: 50, Latency: 90, Unroll: 4, Width: 2, Sink: true},
	},
	"geluBackward": { // AVX512 F32 gains less than 2%
		"AVX512 F64": {Interval: 35, Latency: 75, Unroll: 4, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 11, Latency: 35, Unroll: 5, Width: 2, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 54, Latency: 40, Unroll: 6, Width: 3, Constants: 4, Sink: true},
	},
	"geglu": { // AVX512 F32, AVX2 F32 and AVX2 F64 are fastest without
		"AVX512 F64": {Interval: 38, Latency: 75, Unroll: 4, Width: 3, Sink: true},
	},
	"gegluBackward": {
		"AVX512 F32": {Interval: 24, Latency: 105, Unroll: 4, Width: 2},
		"AVX512 F64": {Interval: 35, Latency: 75, Unroll: 4, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 15, Latency: 45, Unroll: 4, Width: 2, Constants: 4},
		"AVX2 F64":   {Interval: 54, Latency: 40, Unroll: 6, Width: 3, Constants: 4, Sink: true},
	},
	"gegluTanh": {
		"AVX512 F32": {Interval: 18, Latency: 75, Unroll: 4, Width: 3, Sink: true},
		"AVX512 F64": {Interval: 14, Latency: 45, Unroll: 4, Width: 3},
		"AVX2 F32":   {Interval: 18, Latency: 60, Unroll: 8, Width: 2, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 15, Latency: 30, Unroll: 3, Width: 3, Constants: 5, Sink: true},
	},
	"gegluTanhBackward": { // AVX512 F32 is fastest without
		"AVX512 F64": {Interval: 20, Latency: 45, Unroll: 6, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 15, Latency: 45, Unroll: 4, Width: 2, Constants: 4},
		"AVX2 F64":   {Interval: 28, Latency: 30, Unroll: 3, Width: 3, Constants: 4, Sink: true},
	},
	"geluTanhBackward": {
		"AVX512 F32": {Interval: 24, Latency: 90, Unroll: 4, Width: 2},
		"AVX512 F64": {Interval: 20, Latency: 45, Unroll: 6, Width: 3, Sink: true},
		"AVX2 F32":   {Interval: 11, Latency: 35, Unroll: 5, Width: 2, Constants: 5, Sink: true},
		"AVX2 F64":   {Interval: 28, Latency: 30, Unroll: 3, Width: 3, Constants: 4, Sink: true},
	},
	"erf": { // AVX512 F32 and AVX2 F32 are fastest without
		"AVX512 F64": {Interval: 20, Latency: 105, Unroll: 6, Width: 3, Sink: true},
		"AVX2 F64":   {Interval: 44, Latency: 90, Unroll: 3, Width: 2, Constants: 4, Sink: true},
	},
}

package main

//go:noescape
func zeroAVX2(x []float32)

//go:noescape
func wideAVX2(x []float32)

//go:noescape
func highAVX2(x []float32)

//go:noescape
func bmiAVX2(x []float32)

//go:noescape
func sseAVX2(x []float32)

//go:noescape
func spAVX2(x []float32)

//go:noescape
func gotAVX512(x []float32)

//go:noescape
func vbmiAVX512(x []float32)

//go:noescape
func fallAVX512(x []float32)

//go:noescape
func deadAVX2(x []float32)

func run(x []float32) {
	zeroAVX2(x)
	wideAVX2(x)
	highAVX2(x)
	bmiAVX2(x)
	sseAVX2(x)
	spAVX2(x)
	gotAVX512(x)
	vbmiAVX512(x)
	fallAVX512(x)
}

package main

//go:noescape
func plainAVX2(x []float32)

//go:noescape
func frameAVX2(x []float32)

//go:noescape
func maskAVX512(x []float32)

//go:noescape
func splitAVX2(x []float32)

//go:noescape
func hugeAVX2(x []float32)

func run(x []float32) {
	plainAVX2(x)
	frameAVX2(x)
	maskAVX512(x)
	hugeAVX2(x)
	splitAVX2(x)
}

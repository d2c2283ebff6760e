package main

//go:noescape
func wordsNEON(x []float32)

//go:noescape
func splitNEON(x []float32)

//go:noescape
func largeNEON(x []float32)

//go:noescape
func frameNEON(x []float32)

func run(x []float32) {
	wordsNEON(x)
	splitNEON(x)
	largeNEON(x)
	frameNEON(x)
}

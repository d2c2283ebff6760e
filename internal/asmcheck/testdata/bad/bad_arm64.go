package main

//go:noescape
func wordsNEON(x []float32)

//go:noescape
func regsNEON(x []float32)

//go:noescape
func callNEON(x []float32)

func run(x []float32) {
	callNEON(x)
	wordsNEON(x)
	regsNEON(x)
}

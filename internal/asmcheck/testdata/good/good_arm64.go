package main

//go:noescape
func wordsNEON(x []float32)

func run(x []float32) { wordsNEON(x) }

// Package digits draws digits to learn from where there is no MNIST: a font of dots, at random
// places, in random ink, with specks. They are made of integers and are the same on every CPU.
package digits

import (
	"math/bits"
	"math/rand/v2"

	"kernels/examples/internal/idx"
)

const (
	side          = 28 // of an image, as MNIST's
	columns, rows = 5, 7
	dot           = 3 // pixels on a side
)

// font has the rows of each digit, the leftmost dot in the highest bit.
var font = [10][rows]uint8{
	{0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110},
	{0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
	{0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111},
	{0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110},
	{0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
	{0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
	{0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
	{0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000},
	{0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
	{0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100},
}

// Draw returns so many images of 28x28 pixels, each digit about as often as the others.
func Draw(count int, seed uint64) idx.MNIST {
	src := rand.NewPCG(seed, 4)
	below := func(n uint64) int {
		v, _ := bits.Mul64(src.Uint64(), n)
		return int(v)
	}
	m := idx.MNIST{Images: idx.Images{Count: count, Rows: side, Cols: side,
		Pixels: make([]byte, count*side*side)}, Labels: make([]byte, count)}
	for i := range count {
		digit := below(10)
		m.Labels[i] = byte(digit)
		image := m.Images.Pixels[i*side*side:][:side*side]
		for p := range image {
			if below(16) == 0 {
				image[p] = byte(below(160)) // a speck
			}
		}
		left, top := 2+below(side-3-columns*dot), 1+below(side-1-rows*dot)
		for row, dots := range font[digit] {
			for column := range columns {
				if dots>>(columns-1-column)&1 == 0 || below(12) == 0 { // some dots are missing
					continue
				}
				ink := 96 + below(160)
				for p := range dot * dot {
					image[(top+row*dot+p/dot)*side+left+column*dot+p%dot] = byte(ink)
				}
			}
		}
	}
	return m
}

package yard

const available = true

// for ; n > 0; n -= 64 { 64 dependent additions }
//
//go:noescape
func spin(n int)

// for i := 0; i < n; i += 128 { load p[i : i+128] }
//
//go:noescape
func read(p *byte, n int)

// for i := 0; i < n; i += 128 { dst[i : i+128] = src[i : i+128], not through the caches }
//
//go:noescape
func copyNT(dst, src *byte, n int)

// VZEROUPPER
func clean()

package ktest

import "math"

// Rand is a splitmix64 generator. Its zero value is a valid seed.
type Rand uint64

// NewRand returns a generator for seed.
func NewRand(seed uint64) *Rand {
	r := Rand(seed)
	return &r
}

// Uint64 returns the next 64 bits.
func (r *Rand) Uint64() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Intn returns a number in [0, n). Its bias is below n/2^32.
func (r *Rand) Intn(n int) int {
	return int((r.Uint64() >> 32) * uint64(n) >> 32)
}

// Uniform returns a value in [-limit, limit), where limit is a small integer: an integer of 53 bits
// times a power of two times limit, rounded once.
func Uniform[T Float](r *Rand, limit int) T {
	i := int64(r.Uint64()) >> 11 // in [-2^52, 2^52)
	return T(float64(i) * 0x1p-52 * float64(limit))
}

// Gauss returns a value with a roughly normal distribution, mean 0 and deviation 1: the sum of
// eight uniform 32-bit integers.
func Gauss[T Float](r *Rand) T {
	var s int64
	for range 4 {
		u := r.Uint64()
		s += int64(u>>32) + int64(u&0xffffffff)
	}
	s -= 4 << 32
	// The deviation of the sum is sqrt(8/12) * 2^32 = 0.8165 * 2^32.
	return T(float64(s) * (0x1p-32 * 1.2247448713915889))
}

// special returns a value that may break careless code.
func special[T Float](r *Rand) T {
	neg := r.Uint64()>>63 == 1
	var v T
	switch r.Intn(16) {
	case 0, 1:
		v = 0
	case 2:
		v = T(math.Inf(1))
	case 3:
		v = T(math.NaN())
	case 4: // smallest subnormal
		v = FromBits[T](1)
	case 5: // any subnormal
		if Is32[T]() {
			v = FromBits[T](r.Uint64() & (1<<23 - 1))
		} else {
			v = FromBits[T](r.Uint64() & (1<<52 - 1))
		}
	case 6: // smallest normal
		if Is32[T]() {
			v = FromBits[T](1 << 23)
		} else {
			v = FromBits[T](1 << 52)
		}
	case 7: // largest finite
		if Is32[T]() {
			v = T(math.MaxFloat32)
		} else {
			v = FromBits[T](0x7fefffffffffffff)
		}
	case 8: // any bits at all
		return FromBits[T](r.Uint64())
	case 9:
		v = 1
	case 10: // around the ends of exp
		v = 87 + Uniform[T](r, 20)
	case 11:
		v = 17 + Uniform[T](r, 2)
	case 12:
		if Is32[T]() {
			v = 1024 + Uniform[T](r, 64)
		} else {
			v = 740 + Uniform[T](r, 20)
		}
	case 13: // tiny
		v = Uniform[T](r, 1) * T(0x1p-60)
	case 14: // huge
		v = Uniform[T](r, 1) * T(0x1p90)
	case 15:
		v = 38 + Uniform[T](r, 2)
	}
	if neg {
		v = -v
	}
	return v
}

// A Kind is a pattern of inputs.
type Kind int

// The patterns. For the row patterns a row has cols elements; for elementwise kernels cols is any
// block length.
const (
	Normal      Kind = iota // deviation 3
	Wide80                  // uniform in ±80
	Wide300                 // uniform in ±300
	Wide1000                // uniform in ±1000
	Unit                    // uniform in ±1
	Constant                // one value per row
	OneLarger               // a constant row with one larger entry
	OneHot                  // zeros and a single one
	Ties                    // few distinct values
	Ascending               // sorted upwards over ±20
	Descending              // sorted downwards over ±20
	Special                 // half Normal, half NaN, ±Inf, ±0, subnormals, huge, tiny, ...
	Finite                  // like Special, without NaN and infinities
	RareSpecial             // Normal with one special value in about 50
	AnyBits                 // random bits
	NegInf                  // Normal, with many -Inf, and some rows of nothing else
	Shifted                 // rows of deviation 3 around a shift in ±900
	Huge                    // rows around a shift of up to ±2^20 with deviation 8
	Zeros                   // only ±0
	numKinds
)

// Kinds lists every pattern.
func Kinds() []Kind {
	k := make([]Kind, numKinds)
	for i := range k {
		k[i] = Kind(i)
	}
	return k
}

var kindNames = [numKinds]string{"Normal", "Wide80", "Wide300", "Wide1000", "Unit", "Constant",
	"OneLarger", "OneHot", "Ties",
	"Ascending", "Descending", "Special", "Finite", "RareSpecial", "AnyBits", "NegInf", "Shifted",
	"Huge", "Zeros"}

// String returns the name of k.
func (k Kind) String() string { return kindNames[k] }

// Fill fills x with rows of cols elements of a pattern; the last row may be shorter. The bits
// depend on r, kind and cols only.
func Fill[T Float](r *Rand, kind Kind, x []T, cols int) {
	for lo := 0; lo < len(x); lo += cols {
		fillRow(r, kind, x[lo:min(lo+cols, len(x))])
	}
}

func fillRow[T Float](r *Rand, kind Kind, x []T) {
	var base T
	switch kind {
	case Constant, OneLarger:
		base = Uniform[T](r, 20)
	case Shifted:
		base = Uniform[T](r, 900)
	case Huge:
		base = Uniform[T](r, 1<<20)
	}
	allInf := kind == NegInf && r.Intn(8) == 0
	for i := range x {
		var v T
		switch kind {
		case Normal:
			v = 3 * Gauss[T](r)
		case Wide80:
			v = Uniform[T](r, 80)
		case Wide300:
			v = Uniform[T](r, 300)
		case Wide1000:
			v = Uniform[T](r, 1000)
		case Unit:
			v = Uniform[T](r, 1)
		case Constant, OneLarger:
			v = base
		case Ties:
			v = T(r.Intn(4)) * 0.75
		case Ascending:
			v = T(float64(40*i)/float64(len(x)) - 20)
		case Descending:
			v = T(20 - float64(40*i)/float64(len(x)))
		case Special:
			if r.Uint64()>>63 == 0 {
				v = 3 * Gauss[T](r)
			} else {
				v = special[T](r)
			}
		case Finite:
			if r.Uint64()>>63 == 0 {
				v = 3 * Gauss[T](r)
			} else {
				v = special[T](r)
			}
			if v-v != 0 {
				v = 0.5
			}
		case RareSpecial:
			if r.Intn(50) == 0 {
				v = special[T](r)
			} else {
				v = 3 * Gauss[T](r)
			}
		case AnyBits:
			v = FromBits[T](r.Uint64())
		case NegInf:
			if allInf || r.Intn(3) == 0 {
				v = T(math.Inf(-1))
			} else {
				v = 3 * Gauss[T](r)
			}
		case Shifted:
			g := T(3 * Gauss[T](r))
			v = base + g
		case Huge:
			g := T(8 * Gauss[T](r))
			v = base + g
		case Zeros:
			if r.Uint64()>>63 == 1 {
				v = FromBits[T](SignBit[T]())
			}
		}
		x[i] = v
	}
	if len(x) > 0 {
		switch kind {
		case OneLarger:
			x[r.Intn(len(x))] = base + 5
		case OneHot:
			x[r.Intn(len(x))] = 1
		}
	}
}

// SignBit returns the bit of T's sign.
func SignBit[T Float]() uint64 {
	if Is32[T]() {
		return 1 << 31
	}
	return 1 << 63
}

// FillProb fills x with rows of cols probabilities: each row is made of integers over a power of
// two, so that its sum is one to rounding; every third row is one-hot.
func FillProb[T Float](r *Rand, x []T, cols int) {
	for lo := 0; lo < len(x); lo += cols {
		row := x[lo:min(lo+cols, len(x))]
		clear(row)
		if r.Intn(3) == 0 {
			row[r.Intn(len(row))] = 1
			continue
		}
		left := int64(1) << 20
		for i := range row {
			take := left
			if i < len(row)-1 {
				take = int64(r.Intn(int(2*left/int64(len(row)-i)) + 1))
			}
			row[i] = T(float64(take) * 0x1p-20)
			left -= take
		}
	}
}

// FromBytes makes len(x) values from raw bytes, for fuzzing. Each value takes a byte that selects
// its range and then a few bytes of payload; data is read in a circle, so that any length will do.
// No byte string is invalid, and NaN, ±Inf, ±0, subnormals, huge and tiny values are all within a
// byte's reach.
func FromBytes[T Float](data []byte, x []T) {
	if len(data) == 0 {
		clear(x)
		return
	}
	pos := 0
	next := func() uint64 {
		b := data[pos]
		pos++
		if pos == len(data) {
			pos = 0
		}
		return uint64(b)
	}
	word := func(n int) uint64 {
		var u uint64
		for range n {
			u = u<<8 | next()
		}
		return u
	}
	for i := range x {
		sel := next()
		switch {
		case sel < 96: // ±10 in steps of 10/2^15
			x[i] = T(float64(int16(word(2))) * (10 * 0x1p-15))
		case sel < 144: // ±110, ±800
			limit := 110.0
			if !Is32[T]() {
				limit = 800
			}
			x[i] = T(float64(int32(word(4))) * 0x1p-31 * limit)
		case sel < 176: // raw bits
			if Is32[T]() {
				x[i] = FromBits[T](word(4))
			} else {
				x[i] = FromBits[T](word(8))
			}
		case sel < 200: // a special value and its neighbours
			r := Rand(word(1))
			x[i] = special[T](&r)
		case sel < 216: // the value before
			if i > 0 {
				x[i] = x[i-1]
			} else {
				x[i] = 0
			}
		case sel < 232: // small integers
			x[i] = T(int8(word(1)))
		case sel < 244: // ±1 to full precision
			x[i] = T(float64(int64(word(8))>>11) * 0x1p-52)
		default: // tiny and huge
			e := int(int8(word(1)))
			x[i] = T(math.Ldexp(float64(int16(word(2)))*0x1p-15, e))
		}
	}
}

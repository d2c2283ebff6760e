package ktest

// NumGrad returns the derivative of f with respect to x[i], by central differences with step h in
// float64, improved once by Richardson's extrapolation. The error is of order h^4 times the fifth
// derivative, plus 2^-53 |f| / h. x is restored.
func NumGrad(f func(x []float64) float64, x []float64, i int, h float64) float64 {
	at := x[i]
	diff := func(h float64) float64 {
		x[i] = at + h
		hi, dh := f(x), x[i]
		x[i] = at - h
		lo, dl := f(x), x[i]
		return (hi - lo) / (dh - dl) // the step really taken
	}
	d1, d2 := diff(h), diff(h/2)
	x[i] = at
	return d2 + (d2-d1)/3
}

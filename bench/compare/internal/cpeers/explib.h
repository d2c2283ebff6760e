// The loops of expfamily.h for one type and one width. It undefines its parameters at the end.

static inline V FN(sigmoid1)(V x) {
	const V one = OP(set1)(1), sign = OP(set1)(-(T)0);
	return OP(div)(one, OP(add)(one, CALL(exp)(OP(xor)(sign, x))));
}
static inline V FN(silu1)(V x) {
	const V one = OP(set1)(1), sign = OP(set1)(-(T)0);
	return OP(div)(x, OP(add)(one, CALL(exp)(OP(xor)(sign, x))));
}
static inline V FN(tanh1)(V x) { return CALL(tanh)(x); }
static inline V FN(exp1)(V x) { return CALL(exp)(x); }
#ifdef MORE
static inline V FN(expm11)(V x) { return CALL(expm1)(x); }
static inline V FN(log1)(V x) { return CALL(log)(x); }
static inline V FN(log1p1)(V x) { return CALL(log1p)(x); }
static inline V FN(erf1)(V x) { return CALL(erf)(x); }
static inline V FN(gelu1)(V x) {
	const V half = OP(set1)((T)0.5), root = OP(set1)((T)0x1.6a09e667f3bcdp-1);
	return OP(mul)(OP(mul)(half, x), OP(add)(OP(set1)(1), CALL(erf)(OP(mul)(root, x))));
}
static inline V FN(softplus1)(V x) {
	const V sign = OP(set1)(-(T)0);
	return OP(add)(OP(max)(x, OP(setzero)()), CALL(log1p)(CALL(exp)(OP(or)(sign, x))));
}
#endif

// MAP defines a kernel over elements: two vectors at a time, then one, then a part of one.
#define MAP(name) \
	static void FN(name)(const job *j) { \
		const T *x = j->x; \
		T *y = j->dst; \
		long n = j->n, i = 0; \
		for (; i + 2 * W <= n; i += 2 * W) { \
			V a = FN(name##1)(OP(loadu)(x + i)), b = FN(name##1)(OP(loadu)(x + i + W)); \
			OP(storeu)(y + i, a); \
			OP(storeu)(y + i + W, b); \
		} \
		for (; i + W <= n; i += W) OP(storeu)(y + i, FN(name##1)(OP(loadu)(x + i))); \
		if (i < n) { \
			MASK m = MASK_OF(n - i); \
			STOREM(y + i, m, FN(name##1)(LOADM(x + i, m, OP(set1)(1)))); \
		} \
	}

MAP(sigmoid)
MAP(silu)
MAP(tanh)
MAP(exp)
#ifdef MORE
MAP(expm1)
MAP(log)
MAP(log1p)
MAP(erf)
MAP(gelu)
MAP(softplus)
#endif
#undef MAP

static T FN(hmax)(V v) {
	T a[W];
	OP(storeu)(a, v);
	for (int h = W / 2; h; h /= 2)
		for (int i = 0; i < h; i++) a[i] = a[i] > a[i + h] ? a[i] : a[i + h];
	return a[0];
}

static T FN(hsum)(V v) {
	T a[W];
	OP(storeu)(a, v);
	for (int h = W / 2; h; h /= 2)
		for (int i = 0; i < h; i++) a[i] += a[i + h];
	return a[0];
}

// rows does both kernels: three passes a row, four accumulators, the scale of the gradient folded into the last pass.
static inline __attribute__((always_inline)) void FN(rows)(const job *j, int grad) {
	const T *x = j->x;
	T *y = j->dst, *losses = j->losses;
	const long c = j->classes;
	const V low = OP(set1)(-INFINITY);
	for (long r = 0; r < j->rows; r++, x += c, y += c) {
		V m0 = low, m1 = low, m2 = low, m3 = low;
		long i = 0;
		for (; i + 4 * W <= c; i += 4 * W) {
			m0 = OP(max)(m0, OP(loadu)(x + i));
			m1 = OP(max)(m1, OP(loadu)(x + i + W));
			m2 = OP(max)(m2, OP(loadu)(x + i + 2 * W));
			m3 = OP(max)(m3, OP(loadu)(x + i + 3 * W));
		}
		for (; i + W <= c; i += W) m0 = OP(max)(m0, OP(loadu)(x + i));
		MASK tail = MASK_OF(c - i);
		if (i < c) m1 = OP(max)(m1, LOADM(x + i, tail, low));
		T max = FN(hmax)(OP(max)(OP(max)(m0, m1), OP(max)(m2, m3)));
		T logit = grad ? x[j->labels[r]] : 0;

		const V m = OP(set1)(max);
		V s0 = OP(setzero)(), s1 = s0, s2 = s0, s3 = s0;
		for (i = 0; i + 4 * W <= c; i += 4 * W) {
			V a = CALL(exp)(OP(sub)(OP(loadu)(x + i), m)), b = CALL(exp)(OP(sub)(OP(loadu)(x + i + W), m));
			V d = CALL(exp)(OP(sub)(OP(loadu)(x + i + 2 * W), m)), e = CALL(exp)(OP(sub)(OP(loadu)(x + i + 3 * W), m));
			OP(storeu)(y + i, a);
			OP(storeu)(y + i + W, b);
			OP(storeu)(y + i + 2 * W, d);
			OP(storeu)(y + i + 3 * W, e);
			s0 = OP(add)(s0, a);
			s1 = OP(add)(s1, b);
			s2 = OP(add)(s2, d);
			s3 = OP(add)(s3, e);
		}
		for (; i + W <= c; i += W) {
			V a = CALL(exp)(OP(sub)(OP(loadu)(x + i), m));
			OP(storeu)(y + i, a);
			s0 = OP(add)(s0, a);
		}
		if (i < c) {
			V a = CALL(exp)(OP(sub)(LOADM(x + i, tail, m), m));
			STOREM(y + i, tail, a);
			s1 = OP(add)(s1, ZEROM(tail, a));
		}
		T sum = FN(hsum)(OP(add)(OP(add)(s0, s1), OP(add)(s2, s3)));

		const V f = OP(set1)((grad ? (T)j->scale : 1) / sum);
		for (i = 0; i + 4 * W <= c; i += 4 * W) {
			OP(storeu)(y + i, OP(mul)(f, OP(loadu)(y + i)));
			OP(storeu)(y + i + W, OP(mul)(f, OP(loadu)(y + i + W)));
			OP(storeu)(y + i + 2 * W, OP(mul)(f, OP(loadu)(y + i + 2 * W)));
			OP(storeu)(y + i + 3 * W, OP(mul)(f, OP(loadu)(y + i + 3 * W)));
		}
		for (; i + W <= c; i += W) OP(storeu)(y + i, OP(mul)(f, OP(loadu)(y + i)));
		if (i < c) STOREM(y + i, tail, OP(mul)(f, LOADM(y + i, tail, low)));
		if (grad) {
			losses[r] = LOGT(sum) - (logit - max);
			y[j->labels[r]] -= (T)j->scale;
		}
	}
}

static void FN(softmax)(const job *j) { FN(rows)(j, 0); }
static void FN(grad)(const job *j) { FN(rows)(j, 1); }

#undef FN
#undef T
#undef V
#undef W
#undef OP
#undef LOGT
#undef CALL
#undef MASK
#undef MASK_OF
#undef LOADM
#undef STOREM
#undef ZEROM

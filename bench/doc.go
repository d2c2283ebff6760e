// Package bench times every kernel on this machine, beside copy and beside the loop one would write
// without the package.
//
//	go test -run '^$' -bench . -benchtime 100ms ./bench
//
// is every function of internal/ktable, which takes some minutes. A part of it goes by name, for
// example
//
//	go test -run '^$' -bench 'Elements/^Sigmoid$/float32/1k$' ./bench
//	go test -run '^$' -bench 'Rows/^Softmax$/float32/1000' ./bench
//	go test -run '^$' -bench 'Call|Parallel' ./bench
//
// The benchmarks are
//
//   - Elements/KERNEL/TYPE/SIZE/ISA: the kernels over a slice, 64 to 16M elements;
//   - Rows/KERNEL/TYPE/CLASSES/ISA: the kernels over rows, some 32k elements in all (one row where a row is longer);
//   - Call/KERNEL/TYPE/N: what one call of the kernels over a slice costs, on 1 to 64 elements;
//   - Parallel/KERNEL/SIZE/CORES: the same work through [kernels.Parallel].
//
// where ISA is each instruction set of this CPU, pure Go ("generic") and "naive", the plain loop of
// [Naive] with math.Exp, for functions with options that of the function without. Beside ns/op and
// MB/s, where the bytes are those of all arguments, each line has
//
//   - ns/element;
//   - x-copy: the time over that of a copy which moves as many bytes as the arguments have, in the same run and as warm in the caches;
//   - x-naive: how many times faster than the naive loop, in the same run; 0 where there is none;
//   - x-empty (Call): the time over that of a call whose loop over the same elements does nothing;
//   - x-serial (Parallel): how many times faster than one call on one core.
//
// How the kernels compare with other libraries is the business of the nested module in compare.
package bench

// Package bench times the kernels on this machine, beside copy and beside the loop one would write
// without the package. The command in report shows the same in a table and on a page with charts.
//
//	go test -run '^$' -bench . -benchtime 100ms ./bench
//
// runs every function of internal/ktable that has slices, which takes some minutes. To run a part
// of them, name it:
//
//	go test -run '^$' -bench 'Elements/^Sigmoid$/float32/1k$' ./bench
//	go test -run '^$' -bench 'Rows/^Softmax$/float32/1000' ./bench
//	go test -run '^$' -bench 'Call|Parallel' -benchtime 20ms ./bench
//
// The benchmarks are
//
//   - Elements/KERNEL/TYPE/SIZE/ISA: the kernels over a slice, 64 to 16M elements;
//   - Rows/KERNEL/TYPE/CLASSES/ISA: the kernels over rows, about 32k elements in all (one row if a
//     row is longer);
//   - Call/KERNEL/TYPE/N: what one call of the kernels over a slice costs, on 1 to 64 elements;
//   - Parallel/KERNEL/SIZE/CORES: the same work through [kernels.Parallel], with the grain that
//     [kernels.Grain] chooses, in turns with one call on one core.
//
// where ISA is each instruction set of this CPU, pure Go ("generic"), and "naive", the plain loop
// of [Naive] with math.Exp. The naive loop of a function with options is the one of the function
// without. MB/s counts the bytes of all arguments. Beside ns/op and MB/s, each line has
//
//   - ns/element;
//   - x-copy: the time relative to a copy that moves as many bytes as the arguments have, in the
//     same run and as warm in the caches;
//   - x-naive: how many times faster than the naive loop, in the same run; 0 if there is none;
//   - x-empty (Call): the time relative to a call whose loop over the same elements does nothing;
//   - x-serial (Parallel): how many times faster than one call on one core, whose ns/op is that of
//     both; ns/split is that of Parallel alone.
//
// The nested module in compare compares the kernels with other libraries.
package bench

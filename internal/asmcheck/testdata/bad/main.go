// Command bad is linked by the tests of asmcheck, never run.
package main

func main() { run(make([]float32, 8)) }

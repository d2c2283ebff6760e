# Shorthands; each is one or two go commands. What CI runs is .ci/run.

FUZZTIME ?= 1m
BENCH ?= .
BENCHTIME ?= 60ms
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
MUTANTS ?= 200

.PHONY: test
test: ## the suite
	go test ./...
	cd examples && go test ./...
	cd bench/compare && go test ./...

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (1m, or 10000x); TARGET=FuzzTanh for one
	.ci/fuzz.sh $(FUZZTIME) $(TARGET)

.PHONY: bench
bench: ## the kernels on this machine, beside copy and the naive loop; BENCH=Sigmoid for a part
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) ./bench

.PHONY: compare
compare: ## against other libraries, one core; bench/compare/install-peers.sh installs them
	cd bench/compare && go build -tags peers -o compare . && ./compare

.PHONY: generate
generate: ## assembly, stubs and dispatch from the pages in kernels/
	go generate ./...

.PHONY: tune
tune: ## times a kernel under many schedules: make tune KERNEL=sigmoid SETTING='AVX2 F32'
	go run ./kernels/tune '$(KERNEL)' '$(SETTING)'

.PHONY: lint
lint: ## gofmt, width of lines, vet on each architecture with code of its own, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	.ci/width.sh
	go vet ./...
	GOARCH=arm64 go vet ./...
	GOARCH=386 go vet ./...
	go vet -tags purego ./...
	go run $(STATICCHECK) ./...
	cd examples && go vet ./... && go run $(STATICCHECK) ./...
	cd bench/compare && go vet ./... && go run $(STATICCHECK) -checks inherit,-U1000 ./...

.PHONY: golden
golden: ## what follows from the table: golden hashes, and lists, targets and seeds of tests
	go test -run '^(TestGolden|TestChangelog|TestNoAllocation)$$' . -update
	go test -run '^TestSeeds$$' ./fuzz -write
	git status --short

.PHONY: walk
walk: ## accuracy and equality on all 2^32 float32 inputs; hours on two cores
	go test -run '^TestWalk' -v -timeout 24h . -walk all

.PHONY: mutate
mutate: ## deliberate mistakes in the assembly, to measure the tests
	go run ./internal/mutate -n $(MUTANTS)

.PHONY: ci
ci: ## what CI runs for each commit, as root on Debian 12
	bash .ci/run

.PHONY: nightly
nightly: ## what CI runs at night, as root on Debian 12; about a day
	bash .ci/nightly

.PHONY: release-check
release-check: ## before a tag: known vulnerabilities, and changes of the API since the last tag
	.ci/release-check.sh

.PHONY: help
help:
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 15

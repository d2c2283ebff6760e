module kernels

go 1.24.0

require (
	github.com/klauspost/cpuid/v2 v2.2.3
	github.com/stretchr/testify v1.7.2
	golang.org/x/sys v0.1.0
)

require (
	github.com/davecgh/go-spew v1.1.0 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

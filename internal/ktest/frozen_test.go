package ktest

// frozen is the hash of the generators' output over all kinds and both types.
const frozen = 0x59a8ebbf5ec2375c

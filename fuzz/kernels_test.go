package fuzz

import "testing"

// One target per row of the table.

func FuzzReLU(f *testing.F)                        { fuzz(f) }
func FuzzReLUMask(f *testing.F)                    { fuzz(f) }
func FuzzReLUBackward(f *testing.F)                { fuzz(f) }
func FuzzReLUBackwardOutput(f *testing.F)          { fuzz(f) }
func FuzzSigmoid(f *testing.F)                     { fuzz(f) }
func FuzzSigmoidFast(f *testing.F)                 { fuzz(f) }
func FuzzSigmoidBackward(f *testing.F)             { fuzz(f) }
func FuzzTanh(f *testing.F)                        { fuzz(f) }
func FuzzTanhBackward(f *testing.F)                { fuzz(f) }
func FuzzSGD(f *testing.F)                         { fuzz(f) }
func FuzzMomentum(f *testing.F)                    { fuzz(f) }
func FuzzAdam(f *testing.F)                        { fuzz(f) }
func FuzzSigmoidCrossEntropy(f *testing.F)         { fuzz(f) }
func FuzzSigmoidCrossEntropyWith(f *testing.F)     { fuzz(f) }
func FuzzSigmoidCrossEntropyGrad(f *testing.F)     { fuzz(f) }
func FuzzSigmoidCrossEntropyGradWith(f *testing.F) { fuzz(f) }
func FuzzSoftmax(f *testing.F)                     { fuzz(f) }
func FuzzSoftmaxWith(f *testing.F)                 { fuzz(f) }
func FuzzLogSoftmax(f *testing.F)                  { fuzz(f) }
func FuzzLogSoftmaxWith(f *testing.F)              { fuzz(f) }
func FuzzSoftmaxBackward(f *testing.F)             { fuzz(f) }
func FuzzSoftmaxBackwardWith(f *testing.F)         { fuzz(f) }
func FuzzLogSoftmaxBackward(f *testing.F)          { fuzz(f) }
func FuzzLogSoftmaxBackwardWith(f *testing.F)      { fuzz(f) }
func FuzzArgmax(f *testing.F)                      { fuzz(f) }
func FuzzMatMul(f *testing.F)                      { fuzz(f) }
func FuzzMatMulWith(f *testing.F)                  { fuzz(f) }
func FuzzMatMulTransA(f *testing.F)                { fuzz(f) }
func FuzzMatMulTransAWith(f *testing.F)            { fuzz(f) }
func FuzzMatMulTransB(f *testing.F)                { fuzz(f) }
func FuzzMatMulTransBWith(f *testing.F)            { fuzz(f) }
func FuzzColumnSums(f *testing.F)                  { fuzz(f) }
func FuzzColumnSumsWith(f *testing.F)              { fuzz(f) }
func FuzzCrossEntropy(f *testing.F)                { fuzz(f) }
func FuzzCrossEntropyWith(f *testing.F)            { fuzz(f) }
func FuzzCrossEntropyGrad(f *testing.F)            { fuzz(f) }
func FuzzCrossEntropyGradWith(f *testing.F)        { fuzz(f) }
func FuzzCrossEntropyProb(f *testing.F)            { fuzz(f) }
func FuzzCrossEntropyProbWith(f *testing.F)        { fuzz(f) }
func FuzzCrossEntropyProbGrad(f *testing.F)        { fuzz(f) }
func FuzzCrossEntropyProbGradWith(f *testing.F)    { fuzz(f) }
func FuzzShardStats(f *testing.F)                  { fuzz(f) }
func FuzzMergeRowStats(f *testing.F)               { fuzz(f) }
func FuzzShardMax(f *testing.F)                    { fuzz(f) }
func FuzzMergeRowMax(f *testing.F)                 { fuzz(f) }
func FuzzShardSums(f *testing.F)                   { fuzz(f) }
func FuzzFoldChunks(f *testing.F)                  { fuzz(f) }
func FuzzShardCrossEntropy(f *testing.F)           { fuzz(f) }
func FuzzShardCrossEntropyGrad(f *testing.F)       { fuzz(f) }
func FuzzShardSoftmax(f *testing.F)                { fuzz(f) }
func FuzzShardLogSoftmax(f *testing.F)             { fuzz(f) }

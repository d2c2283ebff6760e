package main

func (s *source) equivalent(m *mutant) string { return "" }

package asmgen

import (
	"bytes"
	"fmt"
)

// A tablePool has the tables of one file and type, named after the page that first uses them.
type tablePool struct {
	names map[Table]string
	pages map[string]int // how many tables a page has
}

// name returns the name of a table, and whether it is new.
func (p *tablePool) name(t Table, page string, typ Type) (name string, added bool) {
	if name, ok := p.names[t]; ok {
		return name, false
	}
	if p.names == nil {
		p.names, p.pages = map[Table]string{}, map[string]int{}
	}
	name = page + "Table"
	if p.pages[page]++; p.pages[page] > 1 {
		name += fmt.Sprint(p.pages[page])
	}
	name += typ.Suffix()
	p.names[t] = name
	return name, true
}

// writeTable writes a table, its entries twice: a vector of 64 bytes finds them by a number of one
// bit more.
func writeTable(out *bytes.Buffer, name string, t Table, typ Type) {
	var data []uint64
	for range 2 {
		for i := range 4 {
			if typ == F32 {
				data = append(data, uint64(t.F32[2*i])|uint64(t.F32[2*i+1])<<32)
			} else {
				data = append(data, t.F64[i])
			}
		}
	}
	writeData(out, name, data)
}

// useTable returns the number of a table among those of the kernel.
func (k *kernelState) useTable(t Table) int {
	if k.t == F32 {
		t.F64 = [4]uint64{}
	} else {
		t.F32 = [8]uint32{}
	}
	for i, u := range k.tables {
		if t == u {
			return i
		}
	}
	k.tables = append(k.tables, t)
	return len(k.tables) - 1
}

// pinTables reserves registers for the tables of a survey, at the top.
func (k *kernelState) pinTables(tables []Table) {
	k.tables = tables
	for range tables {
		k.topVector -= k.tableRegs()
		k.tableAt = append(k.tableAt, k.topVector)
	}
}

// tableName is the symbol of a table. A new one is written ahead of the function.
func (k *kernelState) tableName(i int) string {
	name, added := k.pool.tables.name(k.tables[i], k.kernel.Page, k.t)
	if added {
		writeTable(&k.data, name, k.tables[i], k.t)
	}
	return name
}

// loadTables fills the registers of the tables.
func (k *kernelState) loadTables() {
	for i, r := range k.tableAt {
		if k.tableRegs() > 0 {
			k.loadTable(k, r, k.tableName(i))
		}
	}
}

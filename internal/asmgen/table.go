package asmgen

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// writeTables writes the tables of a file, sorted by name.
func writeTables(out *bytes.Buffer, pools []*constPool) error {
	tables, types := map[string]Table{}, map[string]Type{}
	for _, p := range pools {
		for _, t := range p.tables {
			name := t.symbol(p.t)
			if old, ok := tables[name]; ok && old != t {
				return fmt.Errorf("asmgen: there are two tables %s", name)
			}
			tables[name], types[name] = t, p.t
		}
	}
	if len(tables) > 0 {
		out.WriteString("\n// Tables, their entries twice.\n")
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		writeData(out, name, tables[name].words(types[name]))
	}
	return nil
}

func (t Table) symbol(typ Type) string { return t.Name + typ.Suffix() }

// words returns the entries twice: a lookup in 64 bytes takes one more bit of the index.
func (t Table) words(typ Type) (data []uint64) {
	for range 2 {
		for i := range 4 {
			if typ == F32 {
				data = append(data, uint64(t.F32[2*i])|uint64(t.F32[2*i+1])<<32)
			} else {
				data = append(data, t.F64[i])
			}
		}
	}
	return data
}

// useTable returns the number of a table among the kernel's tables.
func (k *kernelState) useTable(t Table) int {
	if t.Name == "" {
		panic("asmgen: a table has no name")
	}
	if k.t == F32 {
		t.F64 = [4]uint64{}
	} else {
		t.F32 = [8]uint32{}
	}
	if i := slices.Index(k.tables, t); i >= 0 {
		return i
	}
	k.tables = append(k.tables, t)
	return len(k.tables) - 1
}

// pinTables reserves registers at the top for the tables that a survey found.
func (k *kernelState) pinTables(tables []Table) {
	k.tables = tables
	for range tables {
		k.topVector -= k.tableRegs()
		k.tableAt = append(k.tableAt, k.topVector)
	}
}

// tableName is the symbol of a table. The table is added to the file.
func (k *kernelState) tableName(i int) string {
	if t := k.tables[i]; !slices.Contains(k.pool.tables, t) {
		k.pool.tables = append(k.pool.tables, t)
	}
	return k.tables[i].symbol(k.t)
}

// loadTables fills the registers of the tables.
func (k *kernelState) loadTables() {
	for i, r := range k.tableAt {
		if k.tableRegs() > 0 {
			k.loadTable(k, r, k.tableName(i))
		}
	}
}

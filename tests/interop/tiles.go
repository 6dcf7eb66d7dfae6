// SPDX-License-Identifier: Apache-2.0

// tiles verifies a published log tile by tile and entry by entry with golang.org/x/mod/sumdb,
// software that shares nothing with ours. See README.md.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height    = 8 // of a tile: 256 hashes
	width     = 1 << height
	recordLen = 112
	prevAt    = 80 // where a record has the leaf hash of the one before
)

func die(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "tiles: "+format+"\n", args...)
	os.Exit(1)
}

// reader reads tiles under the names of c2sp.org/tlog-tiles: x/mod has its own, tile/8/L/N.
type reader struct {
	dir string
}

func (r reader) Height() int { return height }

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

// name is the path of a tile below the folder; L -1 is that of a bundle of entries.
func name(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), "tile/8/")
	return filepath.Join("tile", strings.Replace(path, "data/", "entries/", 1))
}

// read falls back from a partial tile to the full one, as the standard has it.
func (r reader) read(t tlog.Tile) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(r.dir, name(t)))
	if errors.Is(err, fs.ErrNotExist) && t.W < width {
		t.W = width
		data, err = os.ReadFile(filepath.Join(r.dir, name(t)))
	}
	return data, err
}

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := [][]byte{}
	for _, t := range tiles {
		data, err := r.read(t)
		if err != nil {
			return nil, err
		}
		want := t.W * tlog.HashSize
		if len(data) != want && len(data) != width*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", name(t), len(data))
		}
		out = append(out, data[:want])
	}
	return out, nil
}

func parseTree(text, origin string) tlog.Tree {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != origin {
		die("the checkpoint is not origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		die("size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		die("root: %v", err)
	}
	return tlog.Tree{N: size, Hash: root}
}

func openCheckpoint(dir, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		die("vkey: %v", err)
	}
	message, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		die("%v", err)
	}
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		die("checkpoint: %v", err)
	}
	return parseTree(opened.Text, verifier.Name())
}

// tilesOf lists the tiles of a tree of this size: tlog.NewTiles has the partial ones of every size.
func tilesOf(size int64) []tlog.Tile {
	tiles := []tlog.Tile{}
	for level := 0; size > 0; level++ {
		for n := int64(0); n*width < size; n++ {
			w := size - n*width
			if w > width {
				w = width
			}
			tiles = append(tiles, tlog.Tile{H: height, L: level, N: n, W: int(w)})
		}
		size /= width
	}
	return tiles
}

// storage holds the hashes of all complete subtrees, as x/mod numbers them.
type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := []tlog.Hash{}
	for _, i := range indexes {
		if i < 0 || i >= int64(len(s)) {
			return nil, fmt.Errorf("hash %d of %d", i, len(s))
		}
		out = append(out, s[i])
	}
	return out, nil
}

// takeEntries hashes every entry under a tile of level 0, and follows the chain of records.
func (s *storage) takeEntries(r reader, t tlog.Tile, prev tlog.Hash) tlog.Hash {
	bundle := tlog.Tile{H: height, L: -1, N: t.N, W: t.W}
	data, err := r.read(bundle)
	if err != nil {
		die("%v", err)
	}
	for i := 0; i < t.W; i++ {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			die("%s is cut off at entry %d", name(bundle), i)
		}
		length := int(binary.BigEndian.Uint16(data))
		entry := data[2 : 2+length]
		data = data[2+length:]
		if length == recordLen && !bytes.Equal(entry[prevAt:], prev[:]) {
			die("%s: entry %d is not chained to the one before", name(bundle), i)
		}
		prev = tlog.RecordHash(entry)
		more, err := tlog.StoredHashesForRecordHash(t.N*width+int64(i), prev, *s)
		if err != nil {
			die("%s: entry %d: %v", name(bundle), i, err)
		}
		*s = append(*s, more...)
	}
	return prev
}

// checkTile compares the tile with what x/mod makes of the entries.
func (s storage) checkTile(r reader, t tlog.Tile) {
	want, err := tlog.ReadTileData(t, s)
	if err != nil {
		die("%s: %v", name(t), err)
	}
	data, err := r.ReadTiles([]tlog.Tile{t})
	if err != nil {
		die("%s: %v", name(t), err)
	}
	if !bytes.Equal(data[0], want) {
		die("%s is not what the entries give", name(t))
	}
}

// checkClient reads leaf hashes as a client does that has nothing but the checkpoint. (x/mod 0.7
// leaves some full tiles on its way unauthenticated, so this alone would not find every change.)
func checkClient(r reader, tree tlog.Tree, s storage) {
	hashes := tlog.TileHashReader(tree, r)
	for n := int64(0); n < tree.N; n += 1 + tree.N/100 {
		index := tlog.StoredHashIndex(0, n)
		got, err := hashes.ReadHashes([]int64{index})
		if err != nil {
			die("leaf %d: %v", n, err)
		}
		if got[0] != s[index] {
			die("leaf %d is not that of the entry", n)
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tiles VKEY|IDENTITY-FILE FOLDER")
		os.Exit(2)
	}
	vkey, dir := os.Args[1], os.Args[2]
	genesis := ""
	if text, err := os.ReadFile(vkey); err == nil {
		lines := strings.Split(string(text), "\n")
		if len(lines) != 4 || lines[0] != "trail-log/v1" {
			die("%s is no log identity file", vkey)
		}
		vkey, genesis = lines[1], lines[2]
	}
	tree := openCheckpoint(dir, vkey)
	r := reader{dir}
	var s storage
	var prev tlog.Hash
	tiles := tilesOf(tree.N)
	for _, t := range tiles {
		if t.L == 0 {
			prev = s.takeEntries(r, t, prev)
		}
	}
	root, err := tlog.TreeHash(tree.N, s)
	if err != nil || root != tree.Hash {
		die("the entries do not give the root of the checkpoint (%v)", err)
	}
	for _, t := range tiles {
		s.checkTile(r, t)
	}
	checkClient(r, tree, s)
	if genesis != "" && s[0].String() != genesis {
		die("entry 0 is not the one that the identity names")
	}
	fmt.Printf("verified %d entries, %d tiles\n", tree.N, len(tiles))
}

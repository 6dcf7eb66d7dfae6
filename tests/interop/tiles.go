// SPDX-License-Identifier: Apache-2.0

// tiles verifies a published log tile by tile and entry by entry with golang.org/x/mod/sumdb,
// software that shares nothing with ours. See README.md.
package main

import (
	"bytes"
	"encoding/base64"
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

// checkTile has x/mod authenticate every hash of the tile against the root.
func checkTile(r reader, hashes tlog.HashReader, t tlog.Tile) []tlog.Hash {
	indexes := []int64{}
	for i := 0; i < t.W; i++ {
		indexes = append(indexes, tlog.StoredHashIndex(height*t.L, t.N*width+int64(i)))
	}
	good, err := hashes.ReadHashes(indexes)
	if err != nil {
		die("%s: %v", name(t), err)
	}
	data, err := r.ReadTiles([]tlog.Tile{t})
	if err != nil {
		die("%s: %v", name(t), err)
	}
	for i, h := range good {
		if !bytes.Equal(data[0][i*tlog.HashSize:][:tlog.HashSize], h[:]) {
			die("%s: hash %d", name(t), i)
		}
	}
	return good
}

// checkEntries compares every entry under a tile of level 0 with its hash, and follows the chain.
func checkEntries(r reader, t tlog.Tile, leaves []tlog.Hash, prev tlog.Hash) tlog.Hash {
	bundle := tlog.Tile{H: height, L: -1, N: t.N, W: t.W}
	data, err := r.read(bundle)
	if err != nil {
		die("%v", err)
	}
	for i, leaf := range leaves {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			die("%s is cut off at entry %d", name(bundle), i)
		}
		length := int(binary.BigEndian.Uint16(data))
		entry := data[2 : 2+length]
		data = data[2+length:]
		if tlog.RecordHash(entry) != leaf {
			die("%s: entry %d is not that of the tree", name(bundle), i)
		}
		if length == recordLen && !bytes.Equal(entry[prevAt:], prev[:]) {
			die("%s: entry %d is not chained to the one before", name(bundle), i)
		}
		prev = leaf
	}
	return prev
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
	hashes := tlog.TileHashReader(tree, r)
	tiles := tilesOf(tree.N)
	var prev tlog.Hash
	checked := 0
	for _, t := range tiles {
		good := checkTile(r, hashes, t)
		checked += len(good)
		if t.L != 0 {
			continue
		}
		if t.N == 0 && genesis != "" && base64.StdEncoding.EncodeToString(good[0][:]) != genesis {
			die("entry 0 is not the one that the identity names")
		}
		prev = checkEntries(r, t, good, prev)
	}
	fmt.Printf("verified %d entries, %d tiles, %d hashes\n", tree.N, len(tiles), checked)
}

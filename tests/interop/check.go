// SPDX-License-Identifier: Apache-2.0

// check verifies a log's checkpoint and proofs with golang.org/x/mod/sumdb, software that shares
// nothing with ours, and demands that every mutation of them is refused. See README.md.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index int64    `json:"index"`
	Leaf  []byte   `json:"leaf"`
	Path  [][]byte `json:"path"`
}

type consistency struct {
	From int64    `json:"from"`
	Root []byte   `json:"root"`
	Path [][]byte `json:"path"`
}

type evidence struct {
	Vkey        string        `json:"vkey"`
	Note        string        `json:"note"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

type head struct {
	size int64
	root tlog.Hash
}

// refused counts the mutations that were refused, as each of them must be.
var refused int

func die(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "check: "+format+"\n", args...)
	os.Exit(1)
}

// mustRefuse ends the program when a mutation was accepted.
func mustRefuse(err error, format string, args ...interface{}) {
	if err == nil {
		die("accepted although mutated: "+format, args...)
	}
	refused++
}

func toHash(what string, b []byte) tlog.Hash {
	var h tlog.Hash
	if len(b) != tlog.HashSize {
		die("%s: a hash of %d bytes", what, len(b))
	}
	copy(h[:], b)
	return h
}

func toHashes(what string, list [][]byte) []tlog.Hash {
	out := []tlog.Hash{}
	for _, b := range list {
		out = append(out, toHash(what, b))
	}
	return out
}

// parseHead reads a checkpoint: exactly origin, size and root, as c2sp.org/tlog-checkpoint has them.
func parseHead(text, origin string) head {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		die("the checkpoint has other lines than origin, size and root")
	}
	if lines[0] != origin {
		die("origin %q is not the key's name %q", lines[0], origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		die("size %q", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil {
		die("root: %v", err)
	}
	return head{size, toHash("root", root)}
}

func openText(text []byte, known note.Verifiers) error {
	_, err := note.Open(text, known)
	return err
}

// mutateNote flips each bit of the signed text, and each bit of our signature. The latter is done
// in the decoded bytes, so that it is the signature that fails, not the base64 around it.
func mutateNote(message string, opened *note.Note, known note.Verifiers) {
	text := []byte(message)
	for bit := 0; bit < 8*len(opened.Text); bit++ {
		text[bit/8] ^= 1 << (bit % 8)
		mustRefuse(openText(text, known), "note, text bit %d", bit)
		text[bit/8] ^= 1 << (bit % 8)
	}
	old := opened.Sigs[0].Base64
	sig, err := base64.StdEncoding.DecodeString(old)
	if err != nil || strings.Count(message, old) != 1 {
		die("the log's signature does not stand in the note once")
	}
	for bit := 0; bit < 8*len(sig); bit++ {
		sig[bit/8] ^= 1 << (bit % 8)
		mutated := strings.Replace(message, old, base64.StdEncoding.EncodeToString(sig), 1)
		mustRefuse(openText([]byte(mutated), known), "note, signature bit %d", bit)
		sig[bit/8] ^= 1 << (bit % 8)
	}
	if openText(text, known) != nil {
		die("the note does not open again after the mutations were undone")
	}
}

func openNote(e *evidence) head {
	verifier, err := note.NewVerifier(e.Vkey)
	if err != nil {
		die("vkey: %v", err)
	}
	known := note.VerifierList(verifier)
	opened, err := note.Open([]byte(e.Note), known)
	if err != nil {
		die("note: %v", err)
	}
	mutateNote(e.Note, opened, known)
	return parseHead(opened.Text, verifier.Name())
}

// oneFlip calls try with one bit of h flipped, which one depending on seed, and restores h.
func oneFlip(seed int, h *tlog.Hash, try func() error, what string, n int64) {
	bit := seed * 37 % (8 * tlog.HashSize)
	h[bit/8] ^= 1 << (bit % 8)
	mustRefuse(try(), "%s %d, bit %d", what, n, bit)
	h[bit/8] ^= 1 << (bit % 8)
}

func checkInclusion(at head, p inclusion, seed int) {
	leaf := toHash("leaf", p.Leaf)
	root := at.root
	path := toHashes("inclusion path", p.Path)
	if len(path) == 0 && at.size != 1 {
		die("inclusion of %d: empty proof in a tree of %d", p.Index, at.size)
	}
	try := func() error { return tlog.CheckRecord(path, at.size, root, p.Index, leaf) }
	if err := try(); err != nil {
		die("inclusion of %d in %d: %v", p.Index, at.size, err)
	}
	for i := range path {
		oneFlip(seed+i, &path[i], try, "inclusion path of", p.Index)
	}
	oneFlip(seed, &leaf, try, "leaf", p.Index)
	oneFlip(seed, &root, try, "root over leaf", p.Index)
	if err := try(); err != nil {
		die("inclusion of %d no longer holds after the mutations were undone: %v", p.Index, err)
	}
}

func checkConsistency(at head, p consistency, seed int) {
	old := toHash("old root", p.Root)
	root := at.root
	path := toHashes("consistency path", p.Path)
	try := func() error { return tlog.CheckTree(path, at.size, root, p.From, old) }
	if err := try(); err != nil {
		die("consistency of %d with %d: %v", p.From, at.size, err)
	}
	for i := range path {
		oneFlip(seed+i, &path[i], try, "consistency path from", p.From)
	}
	oneFlip(seed, &old, try, "old root at", p.From)
	oneFlip(seed, &root, try, "new root over", p.From)
	if err := try(); err != nil {
		die("consistency of %d no longer holds after the mutations were undone: %v", p.From, err)
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check FILE.json")
		os.Exit(2)
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		die("%v", err)
	}
	var e evidence
	if err := json.Unmarshal(data, &e); err != nil {
		die("%s: %v", os.Args[1], err)
	}
	at := openNote(&e)
	if at.size > math.MaxInt64/2 {
		die("size %d: x/mod's proofs are not made for it", at.size)
	}
	for i, p := range e.Inclusion {
		checkInclusion(at, p, i)
	}
	for i, p := range e.Consistency {
		checkConsistency(at, p, i)
	}
	fmt.Printf("accepted %d inclusion, %d consistency; refused %d mutated\n",
		len(e.Inclusion), len(e.Consistency), refused)
}

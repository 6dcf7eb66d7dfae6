/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	NODES_MAX = POLICY_WITNESSES_MAX + POLICY_GROUPS_MAX,
	QUOTED_MAX = 64, /* bytes of a name that a sentence repeats */
};

/* The state of one parse. A node is a witness (its number), or a group (after all witnesses). */
struct parse {
	struct policy *policy;
	struct policy_fault *fault;
	bool has_quorum;
};

static enum trail_err refuse(struct parse *p, const char *what)
{
	(void)snprintf(p->fault->what, sizeof p->fault->what, "%s", what);
	return TRAIL_INVALID;
}

/* As refuse, with a name or a word from the text where it can be shown. */
static enum trail_err refuse_word(
	struct parse *p, const char *before, struct span word, const char *after)
{
	const bool shown = word.len <= QUOTED_MAX && text_name(word);
	(void)snprintf(p->fault->what, sizeof p->fault->what, "%s%s%.*s%s %s", before,
		shown ? " \"" : "", shown ? (int)word.len : 0, (const char *)word.data,
		shown ? "\"" : "", after);
	return TRAIL_INVALID;
}

/* The next word of a line, between spaces and tabs. Empty: there is none. */
static struct span word_take(struct span *line)
{
	size_t start = 0;
	while (start < line->len && (line->data[start] == ' ' || line->data[start] == '\t'))
		start++;
	size_t end = start;
	while (end < line->len && line->data[end] != ' ' && line->data[end] != '\t')
		end++;
	const struct span word = span_of(line->data + start, end - start);
	*line = span_of(line->data + end, line->len - end);
	return word;
}

static bool word_is(struct span word, const char *text)
{
	return span_equal(word, span_text(text));
}

/* tlog-policy: tab, newline, 0x20-0x7E and 0x80-0xFF. */
static bool octets_valid(struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f)
			return false;
	return true;
}

/* Names */

/* The witness or the group called so. False: neither. */
static bool node_find(
	const struct policy *policy, struct span name, enum policy_quorum *kind, size_t *number)
{
	for (size_t i = 0; i < policy->witnesses; i++)
		if (word_is(name, policy->witness[i].name)) {
			*kind = POLICY_QUORUM_WITNESS;
			*number = i;
			return true;
		}
	for (size_t i = 0; i < policy->groups; i++)
		if (word_is(name, policy->group[i].name)) {
			*kind = POLICY_QUORUM_GROUP;
			*number = i;
			return true;
		}
	return false;
}

/* A name that a line defines: it must be new. */
static enum trail_err name_take(struct parse *p, struct span *line, char out[POLICY_NAME_MAX + 1])
{
	const struct span name = word_take(line);
	enum policy_quorum kind;
	size_t number;
	if (name.len == 0)
		return refuse(p, "the name is missing");
	if (name.len > POLICY_NAME_MAX)
		return refuse(p, "the name is longer than 100 bytes");
	if (word_is(name, "none"))
		return refuse(p, "\"none\" is the word for no quorum, and cannot be a name");
	if (node_find(p->policy, name, &kind, &number))
		return refuse_word(p, "the name", name, "is defined twice");
	memcpy(out, name.data, name.len);
	out[name.len] = 0;
	return TRAIL_OK;
}

static enum trail_err end_take(struct parse *p, struct span *line)
{
	const struct span word = word_take(line);
	return word.len == 0 ? TRAIL_OK : refuse_word(p, "the line has a word too many:", word, "");
}

/* log <vkey> [url] */

static enum trail_err log_take(struct parse *p, struct span line)
{
	const struct span key = word_take(&line);
	struct vkey vkey;
	(void)word_take(&line); /* the URL: how to reach the log is nothing that we need */
	if (key.len == 0)
		return refuse(p, "the key of the log is missing");
	const enum trail_err err = vkey_parse(key, &vkey);
	if (err == TRAIL_INVALID)
		return refuse(p,
			"that is not the verifier key of a log (name+hex digits+base64), or was "
			"miscopied");
	p->policy->log_lines++;
	if (err)
		return end_take(p, &line);
	for (size_t i = 0; i < p->policy->logs; i++)
		if (memcmp(p->policy->log[i].pub, vkey.pub, sizeof vkey.pub) == 0)
			return refuse(p, "another line has a log with the same key");
	if (p->policy->logs == POLICY_LOGS_MAX)
		return refuse(p, "there are more than 64 logs");
	p->policy->log[p->policy->logs++] = vkey;
	return end_take(p, &line);
}

/* witness <name> <vkey> [url] */

static enum trail_err witness_key_take(struct parse *p, struct span *line, struct cosigner *out)
{
	const struct span key = word_take(line);
	if (key.len == 0)
		return refuse(p, "the key of the witness is missing");
	const enum trail_err err = cosigner_parse(key, out);
	if (err == TRAIL_UNSUPPORTED)
		return refuse(
			p, "the key of the witness is not one for Ed25519 cosignatures (type 4)");
	if (err)
		return refuse(p,
			"that is not the verifier key of a witness (name+hex digits+base64), or "
			"was miscopied");
	for (size_t i = 0; i < p->policy->witnesses; i++)
		if (memcmp(p->policy->witness[i].cosigner.pub, out->pub, sizeof out->pub) == 0)
			return refuse(p, "another witness has the same key");
	return TRAIL_OK;
}

static enum trail_err witness_take(struct parse *p, struct span line)
{
	if (p->policy->witnesses == POLICY_WITNESSES_MAX)
		return refuse(p, "there are more than 64 witnesses");
	struct policy_witness *w = &p->policy->witness[p->policy->witnesses];
	enum trail_err err = name_take(p, &line, w->name);
	if (err)
		return err;
	err = witness_key_take(p, &line, &w->cosigner);
	if (err)
		return err;
	const struct span url = word_take(&line);
	if (url.len > POLICY_URL_MAX)
		return refuse(p, "the URL is longer than 512 bytes");
	if (url.len != 0)
		memcpy(w->url, url.data, url.len);
	w->url[url.len] = 0;
	w->parent = POLICY_NODE_NONE;
	p->policy->witnesses++;
	return end_take(p, &line);
}

/* group <name> all|any|<k> <member>... */

static enum trail_err member_take(struct parse *p, struct span name, size_t group)
{
	enum policy_quorum kind;
	size_t number;
	if (word_is(name, "none"))
		return refuse(p, "\"none\" cannot be a member of a group");
	if (!node_find(p->policy, name, &kind, &number))
		return refuse_word(p, "the name", name, "is not defined on a line before this");
	uint16_t *parent = kind == POLICY_QUORUM_WITNESS ? &p->policy->witness[number].parent
							 : &p->policy->group[number].parent;
	if (*parent != POLICY_NODE_NONE)
		return refuse_word(p, "the name", name,
			"is a member already: each can be a member once, of one group");
	*parent = (uint16_t)group;
	return TRAIL_OK;
}

/* Decimal without leading zeros, from 1 to n. */
static bool threshold_parse(struct span word, size_t n, uint16_t *k)
{
	size_t value = 0;
	if (word.len == 0 || word.len > 3 || word.data[0] == '0')
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		value = value * 10 + (size_t)(word.data[i] - '0');
	}
	*k = (uint16_t)value;
	return value <= n;
}

static enum trail_err threshold_take(struct parse *p, struct span word, struct policy_group *g)
{
	if (word_is(word, "all"))
		g->k = g->n;
	else if (word_is(word, "any"))
		g->k = 1;
	else if (!threshold_parse(word, g->n, &g->k))
		return refuse(p,
			"how many members a group needs is \"all\", \"any\" or a number from 1 to "
			"that of "
			"its members");
	return TRAIL_OK;
}

static enum trail_err group_take(struct parse *p, struct span line)
{
	const size_t number = p->policy->groups;
	if (number == POLICY_GROUPS_MAX)
		return refuse(p, "there are more than 64 groups");
	struct policy_group *g = &p->policy->group[number];
	*g = (struct policy_group){ .parent = POLICY_NODE_NONE };
	enum trail_err err = name_take(p, &line, g->name);
	if (err)
		return err;
	const struct span threshold = word_take(&line);
	for (struct span name = word_take(&line); name.len != 0; name = word_take(&line)) {
		err = member_take(p, name, number);
		if (err)
			return err;
		g->n++;
	}
	if (g->n == 0)
		return refuse(p, "the group has no members");
	p->policy->groups++;
	return threshold_take(p, threshold, g);
}

/* quorum <name>|none */

static enum trail_err quorum_take(struct parse *p, struct span line)
{
	const struct span name = word_take(&line);
	if (p->has_quorum)
		return refuse(
			p, "there is a line with a quorum before this: exactly one is allowed");
	if (name.len == 0)
		return refuse(p, "the name of the quorum is missing");
	p->has_quorum = true;
	if (word_is(name, "none"))
		p->policy->kind = POLICY_QUORUM_NONE;
	else if (!node_find(p->policy, name, &p->policy->kind, &p->policy->quorum))
		return refuse_word(p, "the name", name, "is not defined on a line before this");
	return end_take(p, &line);
}

/* The text */

static enum trail_err line_parse(struct parse *p, struct span line)
{
	if (!octets_valid(line))
		return refuse(p, "the line holds a control character");
	const struct span word = word_take(&line);
	if (word.len == 0 || word.data[0] == '#')
		return TRAIL_OK;
	if (word_is(word, "log"))
		return log_take(p, line);
	if (word_is(word, "witness"))
		return witness_take(p, line);
	if (word_is(word, "group"))
		return group_take(p, line);
	if (word_is(word, "quorum"))
		return quorum_take(p, line);
	return refuse_word(
		p, "a line begins with log, witness, group, quorum or #, not with", word, "");
}

enum trail_err policy_parse(struct span text, struct policy *out, struct policy_fault *fault)
{
	struct parse p = { .policy = out, .fault = fault };
	struct span line;
	*fault = (struct policy_fault){ 0 };
	*out = (struct policy){ 0 };
	if (text.len > POLICY_LEN_MAX) {
		(void)refuse(&p, "the policy is longer than 64 KiB");
		return TRAIL_TOO_BIG;
	}
	/* A last line that nobody ended is taken as one: editors leave them. */
	while (text.len != 0) {
		if (!note_line_take(&text, &line)) {
			line = text;
			text.len = 0;
		}
		fault->line++;
		const enum trail_err err = line_parse(&p, line);
		if (err)
			return err;
	}
	fault->line = 0;
	if (!p.has_quorum)
		return refuse(&p, "there is no line with a quorum: exactly one is needed");
	return TRAIL_OK;
}

bool policy_takes_log(const struct policy *policy, const struct vkey *log)
{
	if (policy->log_lines == 0)
		return true;
	for (size_t i = 0; i < policy->logs; i++)
		if (strcmp(policy->log[i].name, log->name) == 0 &&
			memcmp(policy->log[i].pub, log->pub, sizeof log->pub) == 0)
			return true;
	return false;
}

/* Judgements: a group's members all stand before it, so one pass upwards is enough. */

bool policy_satisfied(const struct policy *policy, const bool *cosigned)
{
	uint16_t have[POLICY_GROUPS_MAX] = { 0 };
	bool group[POLICY_GROUPS_MAX] = { 0 };
	for (size_t i = 0; i < policy->witnesses; i++)
		if (cosigned[i] && policy->witness[i].parent != POLICY_NODE_NONE)
			have[policy->witness[i].parent]++;
	for (size_t i = 0; i < policy->groups; i++) {
		group[i] = have[i] >= policy->group[i].k;
		if (group[i] && policy->group[i].parent != POLICY_NODE_NONE)
			have[policy->group[i].parent]++;
	}
	switch (policy->kind) {
	case POLICY_QUORUM_NONE:
		return true;
	case POLICY_QUORUM_WITNESS:
		return cosigned[policy->quorum];
	case POLICY_QUORUM_GROUP:
		return group[policy->quorum];
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	const unsigned x = *(const unsigned *)a;
	const unsigned y = *(const unsigned *)b;
	return (x > y) - (x < y);
}

/* FORMATS.md section 7: the sum of the 2k - n smallest of its members' overlaps. */
static unsigned group_overlap(
	const struct policy *policy, size_t number, const unsigned overlap[POLICY_GROUPS_MAX])
{
	const struct policy_group *g = &policy->group[number];
	unsigned of[NODES_MAX];
	unsigned sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < policy->witnesses; i++)
		if (policy->witness[i].parent == number)
			of[n++] = 1;
	for (size_t i = 0; i < number; i++)
		if (policy->group[i].parent == number)
			of[n++] = overlap[i];
	qsort(of, n, sizeof *of, compare);
	for (size_t i = 0; i + g->n < (size_t)2 * g->k; i++)
		sum += of[i];
	return sum;
}

unsigned policy_overlap(const struct policy *policy)
{
	unsigned overlap[POLICY_GROUPS_MAX];
	if (policy->kind == POLICY_QUORUM_NONE)
		return 0;
	if (policy->kind == POLICY_QUORUM_WITNESS)
		return 1;
	for (size_t i = 0; i <= policy->quorum; i++)
		overlap[i] = group_overlap(policy, i, overlap);
	return overlap[policy->quorum];
}

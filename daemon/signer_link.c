/* SPDX-License-Identifier: Apache-2.0 */
#include "signer_link.h"

#include "../proto/wire.h"
#include "child.h"
#include "notify.h"
#include "signer/state.h"
#include "signer/talk.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WAKE_MS = 60 * 1000, /* 2^20 seal keys take some 20 s */
	SIGN_MS = 10 * 1000,
	END_MS = 10 * 1000, /* for its last sync */
	WHY_LEN = 512,
	NOTE_ROOM = 512,
};

struct signer_link {
	/* pid 0: it is no child of ours, and gone_fd is an epoll on the socket. */
	struct child child;
	bool sealing; /* SEAL is asked */
	bool broken;  /* an answer may still be on its way, or none will come: ask no more */
	struct vkey vkey;
	uint64_t size;
	struct hash root; /* of that head */
	unsigned seal_height;
	uint32_t seal_epoch;
	uint8_t answer[TALK_LEN_MAX];
};

static enum trail_err explain(char *why, enum trail_err e, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static enum trail_err explain(char *why, enum trail_err e, const char *format, ...)
{
	if (!why)
		return e;
	va_list ap;
	va_start(ap, format);
	(void)vsnprintf(why, WHY_LEN, format, ap);
	va_end(ap);
	return e;
}

static const char *reason(void)
{
	const char *text = strerrordesc_np(errno);
	return text ? text : "unknown error";
}

static int64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Whether `fd` became readable before `deadline_ms` of CLOCK_MONOTONIC. */
static bool readable(int fd, int64_t deadline_ms)
{
	for (;;) {
		int64_t left = deadline_ms - now_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int n = poll(&p, 1, left < 0 ? 0 : (int)left);
		if (n >= 0 || errno != EINTR)
			return n > 0;
	}
}

/* ---- the process ---- */

static enum trail_err start(struct signer_link *link, const struct signer_wish *wish, char *why)
{
	char sentence[CHILD_WHY_LEN];
	const char *const argv[] = { wish->program, "--state-dir", wish->folder, "--fd",
		CHILD_FD_TEXT, (wish->how & SIGNER_ALLOW_COW) != 0 ? "--allow-cow" : NULL, NULL };
	enum trail_err e = child_start(argv, &link->child, sentence);
	return e == TRAIL_OK ? e : explain(why, e, "the signer cannot be started: %s", sentence);
}

/* Readable when the other end of the socket is closed, whatever lies unread in it. */
static int watch_end(int fd)
{
	struct epoll_event end = { .events = EPOLLRDHUP };
	int watch = epoll_create1(EPOLL_CLOEXEC);
	if (watch >= 0 && epoll_ctl(watch, EPOLL_CTL_ADD, fd, &end) != 0) {
		(void)close(watch);
		return -1;
	}
	return watch;
}

/*
 * The service manager holds the socket: while no signer runs, or one ends, whoever connects waits
 * for the next.
 */
static enum trail_err reach(struct signer_link *link, const char *path, char *why)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof name.sun_path)
		return explain(why, TRAIL_IO, "%s: too long for a socket's path", path);
	memcpy(name.sun_path, path, strlen(path));
	link->child.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->child.fd < 0)
		return explain(why, TRAIL_IO, "socket for the signer: %s", reason());
	if (connect(link->child.fd, (const struct sockaddr *)&name, sizeof name) != 0)
		return explain(why, TRAIL_IO,
			"no signer can be reached at %s: %s; see traild-signer.socket", path,
			reason());
	link->child.gone_fd = watch_end(link->child.fd);
	return link->child.gone_fd < 0
		? explain(why, TRAIL_IO, "epoll for the signer: %s", reason())
		: TRAIL_OK;
}

/* One that the service manager started. */
static void leave(struct signer_link *link)
{
	if (link->child.fd >= 0)
		(void)shutdown(link->child.fd, SHUT_WR);
	if (link->child.gone_fd >= 0)
		(void)readable(link->child.gone_fd, now_ms() + END_MS);
	if (link->child.fd >= 0)
		(void)close(link->child.fd);
	if (link->child.gone_fd >= 0)
		(void)close(link->child.gone_fd);
}

void signer_link_close(struct signer_link *link)
{
	if (!link)
		return;
	/* It syncs what it signed last before it ends. */
	if (link->child.pid > 0)
		child_end(&link->child, END_MS);
	else
		leave(link);
	free(link);
}

/* ---- the talk ---- */

/* The signer is gone: say how, if that is known by now. */
static enum trail_err gone(struct signer_link *link, char *why)
{
	siginfo_t info = { 0 };
	/* WNOWAIT leaves it to reap. */
	if (link->child.pid == 0 ||
		waitid(P_PID, (id_t)link->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		info.si_pid == 0)
		return explain(why, TRAIL_IO, "the signer closed its socket: see its own lines");
	return explain(why, TRAIL_IO, "the signer ended (%s %d): see its own lines",
		info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
}

/* The sentence that came with REFUSED or FAILED, if it is one. */
static void take_sentence(struct span body, char *why)
{
	size_t len = body.len < WHY_LEN - 1 ? body.len : WHY_LEN - 1;
	if (body.len > TALK_SENTENCE_MAX || !text_name(body)) {
		(void)explain(why, TRAIL_IO, "the signer said no in a way that is not text");
		return;
	}
	(void)explain(why, TRAIL_IO, "signer: %.*s", (int)len, (const char *)body.data);
}

/* Statuses that only SEAL has; it looks at the body itself. */
static bool no_seal_now(uint8_t status)
{
	return status == TALK_NOT_YET || status == TALK_USED_UP;
}

static enum trail_err receive(
	struct signer_link *link, int64_t deadline, struct span *body, char *why)
{
	ssize_t len;
	do {
		if (!readable(link->child.fd, deadline))
			return explain(why, TRAIL_IO, "the signer did not answer in time");
		len = recv(link->child.fd, link->answer, sizeof link->answer,
			MSG_TRUNC | MSG_DONTWAIT);
		/* ECONNRESET tells once that it died with our question unread; what it said before
		 * can still be read. */
	} while (len < 0 && (errno == EINTR || errno == EAGAIN || errno == ECONNRESET));
	if (len <= 0)
		return gone(link, why);
	if ((size_t)len > sizeof link->answer)
		return explain(why, TRAIL_IO, "the signer's answer is too long");
	*body = span_of(link->answer + 1, (size_t)len - 1);
	if (link->answer[0] == TALK_OK || (link->sealing && no_seal_now(link->answer[0])))
		return TRAIL_OK;
	take_sentence(*body, why);
	return link->answer[0] == TALK_REFUSED ? TRAIL_CORRUPT : TRAIL_IO;
}

/* One question, one answer: *body views the OK's body until the next call. */
static enum trail_err ask(struct signer_link *link, struct span question, int64_t wait_ms,
	struct span *body, char *why)
{
	if (link->broken)
		return explain(why, TRAIL_IO, "the signer failed before: restart the daemon");
	int64_t deadline = now_ms() + wait_ms;
	/* A failed send is not the last word: it may have said why before it went. */
	(void)send(link->child.fd, question.data, question.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	enum trail_err e = receive(link, deadline, body, why);
	link->broken = e != TRAIL_OK;
	return e;
}

/* Whatever contradicts itself in an OK. */
static enum trail_err distrust(struct signer_link *link, char *why, const char *what)
{
	link->broken = true;
	return explain(why, TRAIL_IO, "the signer's answer is not to be trusted: %s", what);
}

/* ---- WAKE ---- */

/* Take `len` bytes off the front of *in. */
static bool take(struct span *in, size_t len, struct span *out)
{
	if (in->len < len)
		return false;
	*out = span_of(in->data, len);
	*in = span_of(in->data + len, in->len - len);
	return true;
}

/* A u16 length and that many bytes. */
static bool take_text(struct span *in, struct span *out)
{
	struct span len;
	return take(in, 2, &len) && take(in, load_be16(len.data), out);
}

static bool greeting_parse(struct span in, struct signer_greeting *g, struct span *note)
{
	struct span fixed, vkey;
	if (!take(&in, 8 + 1 + HASH_LEN + 8 + 4, &fixed) || !take_text(&in, &vkey) ||
		!take_text(&in, note) || in.len != 0)
		return false;
	*g = (struct signer_greeting){ .head_size = load_be64(fixed.data),
		.seal_height = fixed.data[8],
		.seal_max_ns = load_be64(fixed.data + 9 + HASH_LEN),
		.seal_epoch = load_be32(fixed.data + 9 + HASH_LEN + 8) };
	memcpy(g->seal_root.b, fixed.data + 9, HASH_LEN);
	return g->seal_height >= SEAL_HEIGHT_MIN && g->seal_height <= SEAL_HEIGHT_MAX &&
		g->seal_epoch <= UINT32_C(1) << g->seal_height && g->seal_max_ns != 0 &&
		vkey_parse(vkey, &g->vkey) == TRAIL_OK;
}

/* The head that it names must be in the note that it shows. */
static bool greeting_fits(struct signer_greeting *g, struct span note, struct span origin)
{
	struct checkpoint cp;
	if (origin.len != 0 && !span_equal(origin, span_text(g->vkey.name)))
		return false;
	if (note.len == 0)
		return g->head_size == 0;
	if (note.len > sizeof g->head_note || checkpoint_open(note, &g->vkey, &cp) != TRAIL_OK ||
		cp.size != g->head_size || cp.size == 0)
		return false;
	g->head_root = cp.root;
	g->head_note_len = note.len;
	memcpy(g->head_note, note.data, note.len);
	return true;
}

static enum trail_err wake(struct signer_link *link, const struct signer_wish *wish,
	struct signer_greeting *greeting, char *why)
{
	struct buf question = { 0 };
	struct span body = { 0 };
	struct span note;
	struct signer_greeting g;
	notify_extend(WAKE_MS / 1000 + 5);
	buf_put_u8(&question, TALK_WAKE);
	buf_put_u8(&question, (wish->how & SIGNER_MAKE_NEW) != 0);
	buf_put_u8(&question, (uint8_t)wish->seal_height);
	buf_put_be64(&question, wish->seal_max_ns);
	buf_put_u8(&question, (uint8_t)wish->origin.len);
	buf_put_span(&question, wish->origin);
	enum trail_err e = question.failed ? explain(why, TRAIL_IO, "memory is out")
					   : ask(link, buf_view(&question), WAKE_MS, &body, why);
	buf_release(&question);
	if (e != TRAIL_OK)
		return e;
	if (!greeting_parse(body, &g, &note))
		return distrust(link, why, "its greeting is malformed");
	if (!greeting_fits(&g, note, wish->origin))
		return distrust(link, why, "its head, its key and its origin do not fit together");
	if ((wish->how & SIGNER_MAKE_NEW) != 0 &&
		(g.head_size != 0 || g.seal_height != wish->seal_height))
		return distrust(link, why, "what it calls new is not what was asked for");
	link->vkey = g.vkey;
	link->size = g.head_size;
	link->root = g.head_root;
	link->seal_height = g.seal_height;
	link->seal_epoch = g.seal_epoch;
	*greeting = g;
	return TRAIL_OK;
}

enum trail_err signer_link_open(const struct signer_wish *wish, struct signer_link **link,
	struct signer_greeting *greeting, char why[512])
{
	*link = NULL;
	if (wish->origin.len > NOTE_NAME_MAX || wish->seal_height > SEAL_HEIGHT_MAX)
		return explain(why, TRAIL_IO,
			"an origin has %d bytes at most, seals a height of %d", NOTE_NAME_MAX,
			SEAL_HEIGHT_MAX);
	struct signer_link *l = calloc(1, sizeof *l);
	if (!l)
		return explain(why, TRAIL_IO, "memory is out");
	l->child = (struct child){ .fd = -1, .gone_fd = -1 };
	enum trail_err e = wish->socket ? reach(l, wish->socket, why) : start(l, wish, why);
	if (e == TRAIL_OK)
		e = wake(l, wish, greeting, why);
	if (e != TRAIL_OK) {
		signer_link_close(l);
		return e;
	}
	*link = l;
	return TRAIL_OK;
}

/* ---- SIGN ---- */

enum trail_err signer_link_sign(struct signer_link *link, uint64_t size, const struct hash *root,
	const struct tree_proof *proof, char note[512], size_t *len, char why[512])
{
	uint8_t question[1 + 8 + HASH_LEN + 1 + TREE_PATH_MAX * HASH_LEN];
	struct span body = { 0 };
	struct span text;
	struct checkpoint cp;
	size_t path_len = proof->count * HASH_LEN;
	if (proof->count > TREE_PATH_MAX)
		return explain(why, TRAIL_IO, "a consistency proof of %zu hashes", proof->count);
	question[0] = TALK_SIGN;
	store_be64(question + 1, size);
	memcpy(question + 9, root->b, HASH_LEN);
	question[9 + HASH_LEN] = (uint8_t)proof->count;
	memcpy(question + 10 + HASH_LEN, proof->path, path_len);
	enum trail_err e =
		ask(link, span_of(question, 10 + HASH_LEN + path_len), SIGN_MS, &body, why);
	if (e != TRAIL_OK)
		return e;
	if (!take_text(&body, &text) || body.len != 0 || text.len > NOTE_ROOM)
		return distrust(link, why, "its note is malformed");
	if (checkpoint_open(text, &link->vkey, &cp) != TRAIL_OK || cp.size != size ||
		!hash_equal(&cp.root, root))
		return distrust(link, why, "its note is not of the head that it was given");
	memcpy(note, text.data, text.len);
	*len = text.len;
	link->size = size;
	link->root = *root;
	return TRAIL_OK;
}

/* ---- SEAL, SEALED ---- */

static bool seal_parse(struct span in, struct seal *seal)
{
	struct span height;
	*seal = (struct seal){ 0 };
	return take_text(&in, &seal->text) && take(&in, SIGN_PUBLIC_LEN, &seal->key) &&
		take(&in, 1, &height) &&
		take(&in, (size_t)height.data[0] * HASH_LEN, &seal->path) &&
		take(&in, SIGN_LEN, &seal->sig) && in.len == 0;
}

/* Whether it seals the head and the time that were asked for, with a key that signs. */
static bool seal_is_it(const struct signer_link *link, const struct seal *seal, uint64_t time_ns)
{
	struct seal_text text;
	return seal->path.len == link->seal_height * (size_t)HASH_LEN &&
		seal_text_parse(seal->text, &text) == TRAIL_OK &&
		strcmp(text.origin, link->vkey.name) == 0 && text.epoch == link->seal_epoch &&
		text.size == link->size && hash_equal(&text.root, &link->root) &&
		text.time_ns == time_ns && sign_check(seal->text, seal->key.data, seal->sig.data);
}

/* NOT_YET or USED_UP. */
static enum trail_err seal_later(
	struct signer_link *link, struct span body, uint64_t *wait_ns, char *why)
{
	if (link->answer[0] == TALK_USED_UP) {
		take_sentence(body, why);
		return TRAIL_END;
	}
	if (body.len != 8)
		return distrust(link, why, "it says not yet, but not when");
	*wait_ns = load_be64(body.data);
	return TRAIL_MORE;
}

enum trail_err signer_link_seal(struct signer_link *link, uint64_t size, uint64_t time_ns,
	struct seal *seal, uint64_t *wait_ns, char why[512])
{
	uint8_t question[1 + 8 + 8] = { TALK_SEAL };
	struct span body = { 0 };
	store_be64(question + 1, size);
	store_be64(question + 9, time_ns);
	link->sealing = true;
	enum trail_err e = ask(link, span_of(question, sizeof question), SIGN_MS, &body, why);
	link->sealing = false;
	if (e != TRAIL_OK)
		return e;
	if (no_seal_now(link->answer[0]))
		return seal_later(link, body, wait_ns, why);
	if (!seal_parse(body, seal))
		return distrust(link, why, "its seal is malformed");
	if (size != link->size || !seal_is_it(link, seal, time_ns))
		return distrust(link, why, "its seal is not of the head that it signed");
	return TRAIL_OK;
}

enum trail_err signer_link_sealed(
	struct signer_link *link, const struct signer_proof *proof, uint32_t *epoch, char why[512])
{
	struct buf question = { 0 };
	struct span body = { 0 };
	buf_put_u8(&question, TALK_SEALED);
	buf_put(&question, proof->record, RECORD_LEN);
	buf_put(&question, proof->salt, SALT_LEN);
	buf_put_be16(&question, (uint16_t)proof->cosigned.len);
	buf_put_span(&question, proof->cosigned);
	buf_put_u8(&question, (uint8_t)proof->inclusion->count);
	buf_put(&question, proof->inclusion->path, proof->inclusion->count * HASH_LEN);
	enum trail_err e = question.failed || question.len > TALK_LEN_MAX
		? explain(why, TRAIL_IO, "SEALED is too long, or memory is out")
		: ask(link, buf_view(&question), SIGN_MS, &body, why);
	buf_release(&question);
	if (e != TRAIL_OK)
		return e;
	if (body.len != 4 || load_be32(body.data) != link->seal_epoch + 1)
		return distrust(link, why, "it does not open the next seal epoch");
	link->seal_epoch++;
	*epoch = link->seal_epoch;
	return TRAIL_OK;
}

uint64_t signer_link_size(const struct signer_link *link)
{
	return link->size;
}

pid_t signer_link_pid(const struct signer_link *link)
{
	return link->child.pid;
}

int signer_link_fd(const struct signer_link *link)
{
	return link->child.gone_fd; /* the socket is readable for every answer, too */
}

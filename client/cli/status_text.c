/* SPDX-License-Identifier: Apache-2.0 */
#include "status_text.h"

#include "output.h"
#include "status_fields.h"
#include "when.h"

#define SECOND_NS UINT64_C(1000000000)

static unsigned long long number(const struct trail_status *s, enum trail_status_number which)
{
	return trail_status_get(s, which);
}

/* "3 requests" */
static void print_counted(unsigned long long n, const char *thing)
{
	printf("%llu %s%s", n, thing, n == 1 ? "" : "s");
}

static void print_label(const char *label)
{
	printf("  %-21s", label);
}

static void print_when(const struct cli *cli, uint64_t ns)
{
	char when[WHEN_MAX];
	when_told((int64_t)ns, cli->utc, when);
	printf("%s", when);
}

static void print_bytes(uint64_t n)
{
	static const char *const UNITS[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;
	double value = (double)n;
	while (value >= 1024 && unit + 1 < sizeof UNITS / sizeof UNITS[0]) {
		value /= 1024;
		unit++;
	}
	printf(unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
}

/* The bound of the bucket in which `percent` of all lie. */
static void print_share(const struct trail_status *s, enum trail_status_times times, uint64_t total,
	unsigned percent)
{
	uint64_t seen = 0;
	uint64_t upto = UINT64_MAX;
	size_t count = trail_status_buckets(s, times);
	for (size_t i = 0; i < count && seen * 100 < total * percent; i++)
		seen += trail_status_bucket(s, times, i, &upto);
	if (upto == UINT64_MAX)
		printf(", %u %% in more than that", percent);
	else
		printf(", %u %% within %g ms", percent, (double)upto / 1e6);
}

static void print_times(
	const struct trail_status *s, const struct status_histogram *h, const char *label)
{
	uint64_t total = 0;
	size_t count = trail_status_buckets(s, h->times);
	for (size_t i = 0; i < count; i++)
		total += trail_status_bucket(s, h->times, i, NULL);
	if (count == 0)
		return;
	print_label(label);
	if (total == 0) {
		printf("none yet\n");
		return;
	}
	printf("%llu, %.3g ms on average", (unsigned long long)total,
		(double)trail_status_sum(s, h->times) / 1e6 / (double)total);
	print_share(s, h->times, total, 50);
	print_share(s, h->times, total, 99);
	printf("\n");
}

static void print_refused(const struct trail_status *s)
{
	bool any = false;
	if (!trail_status_known(s, STATUS_REFUSAL[0].number))
		return;
	print_label("requests refused");
	for (size_t i = 0; i < STATUS_REFUSALS; i++) {
		unsigned long long n = number(s, STATUS_REFUSAL[i].number);
		if (n != 0)
			printf("%s%llu %s", any ? ", " : "", n, STATUS_REFUSAL[i].code);
		any |= n != 0;
	}
	printf("%s\n", any ? "" : "none");
}

static void print_since_start(const struct cli *cli, const struct trail_status *s)
{
	printf("\nsince ");
	print_when(cli, trail_status_get(s, TRAIL_STATUS_STARTED));
	printf("\n");
	print_label("events acknowledged");
	printf("%llu", number(s, TRAIL_STATUS_EVENTS));
	if (trail_status_known(s, TRAIL_STATUS_ACKED_REQUESTS)) {
		printf(" in ");
		print_counted(number(s, TRAIL_STATUS_ACKED_REQUESTS), "request");
	}
	printf("\n");
	if (trail_status_buckets(s, TRAIL_TIMES_COMMIT) == 0) {
		print_label("commits");
		printf("%llu\n", number(s, TRAIL_STATUS_COMMITS));
	}
	print_times(s, &STATUS_HISTOGRAM[TRAIL_TIMES_ACK], "acknowledgements");
	print_times(s, &STATUS_HISTOGRAM[TRAIL_TIMES_COMMIT], "commits");
	print_times(s, &STATUS_HISTOGRAM[TRAIL_TIMES_SIGN], "signatures");
	print_refused(s);
	print_label("of them on record");
	printf("%llu\n", number(s, TRAIL_STATUS_REFUSALS));
	if (trail_status_known(s, TRAIL_STATUS_TURNED_AWAY)) {
		print_label("turned away");
		print_counted(number(s, TRAIL_STATUS_TURNED_AWAY), "connection");
		printf("\n");
		print_label("clock jumps");
		printf("%llu\n", number(s, TRAIL_STATUS_CLOCK_JUMPS));
	}
}

static void print_now(const struct trail_status *s)
{
	printf("\nnow\n");
	print_label("connections");
	printf("%llu", number(s, TRAIL_STATUS_CONNECTIONS));
	if (trail_status_known(s, TRAIL_STATUS_PEERS))
		printf(" of %llu possible, users: %llu", number(s, TRAIL_STATUS_CONNECTIONS_MAX),
			number(s, TRAIL_STATUS_PEERS));
	printf("\n");
	print_label("requests under way");
	if (trail_status_known(s, TRAIL_STATUS_QUEUE_REQUESTS))
		printf("%llu, the oldest for %.3g s, ", number(s, TRAIL_STATUS_QUEUE_REQUESTS),
			(double)number(s, TRAIL_STATUS_QUEUE_AGE) / (double)SECOND_NS);
	print_bytes(trail_status_get(s, TRAIL_STATUS_QUEUE_BYTES));
	if (trail_status_known(s, TRAIL_STATUS_QUEUE_BYTES_MAX)) {
		printf(" of ");
		print_bytes(trail_status_get(s, TRAIL_STATUS_QUEUE_BYTES_MAX));
	}
	printf("\n");
}

static void print_sources(const struct trail_status *s)
{
	printf("\nsources\n");
	print_label("known");
	printf("%llu", number(s, TRAIL_STATUS_SOURCES));
	if (trail_status_known(s, TRAIL_STATUS_SOURCES_BEHIND))
		printf(", %llu of them behind", number(s, TRAIL_STATUS_SOURCES_BEHIND));
	printf("\n");
	print_label("open epochs");
	printf("%llu\n", number(s, TRAIL_STATUS_OPEN_EPOCHS));
	print_label("gaps");
	print_counted(number(s, TRAIL_STATUS_PENDING_GAPS), "epoch");
	if (trail_status_known(s, TRAIL_STATUS_MISSING)) {
		printf(", missing: ");
		print_counted(number(s, TRAIL_STATUS_MISSING), "event");
	}
	printf("\n");
	if (!trail_status_known(s, TRAIL_STATUS_OPEN_ENDS))
		return;
	print_label("without an end");
	print_counted(number(s, TRAIL_STATUS_OPEN_ENDS), "epoch");
	printf("\n");
	print_label("declared lost");
	print_counted(number(s, TRAIL_STATUS_LOST), "event");
	printf("\n");
}

static void print_disk(const struct trail_status *s)
{
	printf("\ndisk\n");
	print_label("free");
	print_bytes(trail_status_get(s, TRAIL_STATUS_FREE_BYTES));
	if (trail_status_known(s, TRAIL_STATUS_RESERVE_BYTES)) {
		printf(", the reserve is ");
		print_bytes(trail_status_get(s, TRAIL_STATUS_RESERVE_BYTES));
	}
	printf("\n");
	print_label("store");
	print_bytes(trail_status_get(s, TRAIL_STATUS_STORE_BYTES));
	if (trail_status_known(s, TRAIL_STATUS_MAP_BYTES)) {
		printf(", of ");
		print_bytes(trail_status_get(s, TRAIL_STATUS_MAP_BYTES));
		printf(" that it may take");
	}
	printf("\n");
}

static void print_signer(const struct cli *cli, const struct trail_status *s)
{
	if (!trail_status_known(s, TRAIL_STATUS_SIGNED))
		return;
	printf("\nsigner\n");
	print_label("process");
	if (trail_status_known(s, TRAIL_STATUS_SIGNER_PID))
		printf("%llu, started by traild\n", number(s, TRAIL_STATUS_SIGNER_PID));
	else
		printf("a service of its own\n");
	print_label("signed last");
	printf("size %llu, ", number(s, TRAIL_STATUS_SIZE));
	print_when(cli, trail_status_get(s, TRAIL_STATUS_SIGNED));
	printf("\n");
}

static void print_seals(const struct cli *cli, const struct trail_status *s)
{
	if (!trail_status_known(s, TRAIL_STATUS_SEALS))
		return;
	print_label("sealed");
	if (number(s, TRAIL_STATUS_SEALED_SIZE) == 0) {
		printf("never\n");
	} else {
		printf("size %llu, ", number(s, TRAIL_STATUS_SEALED_SIZE));
		print_when(cli, trail_status_get(s, TRAIL_STATUS_SEALED));
		printf("\n");
	}
	print_label("seals");
	printf("%llu, %llu are left\n", number(s, TRAIL_STATUS_SEALS),
		number(s, TRAIL_STATUS_SEALS_LEFT));
}

static void print_index(const struct trail_status *s)
{
	if (!trail_status_known(s, TRAIL_STATUS_INDEXED))
		return;
	unsigned long long missing = number(s, TRAIL_STATUS_INDEX_MISSING);
	print_label("index");
	printf("%llu of %llu records", number(s, TRAIL_STATUS_INDEXED) - missing,
		number(s, TRAIL_STATUS_SIZE));
	if (missing != 0)
		printf(", %llu are being indexed anew", missing);
	printf("\n");
}

static void print_witness(const struct cli *cli, const struct trail_status *s, size_t i)
{
	static const char *const SAID[] = {
		[TRAIL_WITNESS_SILENT] = "no answer yet",
		[TRAIL_WITNESS_COSIGNS] = "cosigns",
		[TRAIL_WITNESS_AWAY] = "cannot be reached, or refuses",
		[TRAIL_WITNESS_LIES] = "answers what is no cosignature of this log",
		[TRAIL_WITNESS_FORK] = "says that it saw ANOTHER HISTORY of this log",
	};
	printf("    ");
	print_text(stdout, trail_status_witness_name(s, i));
	printf(": %s", SAID[trail_status_witness_state(s, i)]);
	if (trail_status_witness_time(s, i) != 0) {
		printf("; size %llu, ", (unsigned long long)trail_status_witness_size(s, i));
		print_when(cli, trail_status_witness_time(s, i));
	}
	printf("\n");
}

/* FORMATS.md section 7: how many must lie before two histories can both have a quorum. */
static void print_overlap(const struct trail_status *s)
{
	unsigned long long overlap = number(s, TRAIL_STATUS_WITNESS_OVERLAP);
	print_label("to hide a fork");
	if (overlap == 0) {
		printf("none must lie: two histories can both have a quorum (G5 does not hold)\n");
		return;
	}
	print_counted(overlap, "witness");
	printf(" must lie at least\n");
}

static void print_witnesses(const struct cli *cli, const struct trail_status *s)
{
	if (!trail_status_known(s, TRAIL_STATUS_WITNESSES))
		return;
	printf("\nwitnesses\n");
	print_label("of the policy");
	if (number(s, TRAIL_STATUS_WITNESSES) == 0) {
		printf("none: nobody outside would notice two histories (G5 does not hold)\n");
		return;
	}
	printf("%llu, %llu of them cosign\n", number(s, TRAIL_STATUS_WITNESSES),
		number(s, TRAIL_STATUS_WITNESSES_ANSWERING));
	print_overlap(s);
	print_label("cosigned by a quorum");
	if (number(s, TRAIL_STATUS_WITNESSED_SIZE) == 0) {
		printf("never\n");
	} else {
		printf("size %llu, ", number(s, TRAIL_STATUS_WITNESSED_SIZE));
		print_when(cli, trail_status_get(s, TRAIL_STATUS_WITNESSED));
		printf("\n");
	}
	for (size_t i = 0; i < trail_status_witnesses(s); i++)
		print_witness(cli, s, i);
}

void print_status_text(
	const struct cli *cli, const struct trail_status *s, const struct trouble all[HEALTH_KINDS])
{
	print_text(stdout, trail_origin(cli->trail));
	printf(", traild ");
	print_text(stdout, trail_status_version(s));
	printf(", %llu records\n", number(s, TRAIL_STATUS_SIZE));
	printf("checkpoint %llu, signature and consistency verified (identity: %s)\n",
		(unsigned long long)trail_size(cli->trail), cli_trust(cli));
	for (size_t i = 0; i < HEALTH_KINDS; i++)
		if (all[i].now)
			printf("%sattention: %s%s\n", screen_alert(&cli->screen), all[i].sentence,
				screen_plain(&cli->screen));
	print_since_start(cli, s);
	print_now(s);
	print_sources(s);
	print_disk(s);
	print_signer(cli, s);
	print_seals(cli, s);
	print_index(s);
	print_witnesses(cli, s);
}

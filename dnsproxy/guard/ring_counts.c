// SPDX-License-Identifier: BSD-2-Clause
// Counting the entries of the rings per name, per client and per latency.
#include "dnsproxy/guard/ring_counts.h"

#include <assert.h>

static bool
ring_counts_is_wanted(const struct ring_count *what, const struct ring_entry *e)
{
  switch (what->filter) {
  case RING_ALL:
    return true;
  case RING_OF_RCODE:
    return ring_entry_has_rcode(e, what->number);
  case RING_OF_QTYPE:
    return e->qtype == what->number;
  case RING_SLOWER:
    return !ring_entry_timed_out(e) && e->latency_us > what->number;
  case RING_TIMEOUTS:
    return ring_entry_timed_out(e);
  }
  assert(!"a filter without a case");
  return false;
}

static void
ring_counts_cut_name(struct name *name, unsigned labels)
{
  for (unsigned left = name_bytes_labels(name->bytes); left > labels; left--)
    name_chop(name);
}

uint64_t
ring_count(struct tally *t, const struct ring_count *what)
{
  uint64_t oldest = UINT64_MAX;
  struct ring_entry e;
  struct ring_reader *r = ring_reader_new(what->kind, what->since_us);
  while (ring_reader_next(r, &e)) {
    oldest = e.when_us;
    if (!ring_counts_is_wanted(what, &e))
      continue;
    uint64_t n = what->bytes ? e.size : 1;
    if (!t->of_names) {
      tally_add_address(t, &e.client, n);
      continue;
    }
    if (what->cut)
      ring_counts_cut_name(&e.qname, what->labels);
    tally_add_name(t, &e.qname, n);
  }
  ring_reader_free(&r);
  return oldest;
}

// ---- latency ----

enum { BINS = 15, FIRST_BIN_US = 100, STARS = 70 };

struct histogram {
  uint64_t bins[BINS], highest, count;
  double sum_us;
};

static void
ring_counts_histogram_read(struct histogram *h)
{
  struct ring_entry e;
  struct ring_reader *r = ring_reader_new(RING_ANSWERS, 0);
  while (ring_reader_next(r, &e)) {
    if (ring_entry_timed_out(&e))
      continue;
    unsigned bin = 0;
    while (bin < BINS - 1 && e.latency_us > (uint64_t)FIRST_BIN_US << bin)
      bin++;
    if (++h->bins[bin] > h->highest)
      h->highest = h->bins[bin];
    h->count++;
    h->sum_us += e.latency_us;
  }
  ring_reader_free(&r);
}

// In proportion to the fullest bin; one that is too small for a star is not nothing.
static void
ring_counts_put_bar(struct text *out, uint64_t count, uint64_t highest)
{
  double stars = (double)STARS * (double)count / (double)highest;
  for (int i = 0; i < (int)stars; i++)
    text_puts(out, "*");
  if (count > 0 && (int)stars == 0)
    text_puts(out, stars > 0.5 ? ":" : ".");
}

void
ring_latency_text(struct text *out)
{
  struct histogram h = {.count = 0};
  ring_counts_histogram_read(&h);
  if (h.count == 0) {
    text_puts(out, "No traffic yet.\n");
    return;
  }
  text_printf(out, "Average response latency: %.2f ms\n%7s\t\n", h.sum_us / (double)h.count / 1000, "ms");
  for (unsigned i = 0; i < BINS; i++) {
    text_printf(out, "%7.2f\t", (double)((uint64_t)FIRST_BIN_US << i) / 1000);
    ring_counts_put_bar(out, h.bins[i], h.highest);
    text_puts(out, "\n");
  }
}

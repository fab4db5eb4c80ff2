// SPDX-License-Identifier: BSD-2-Clause
// Tallies, and what the rings say: counts, histogram, grepq().
#include "dnsproxy/guard/ring_reports.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/wire/codes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

void
tally_init(struct tally *t, bool of_names)
{
  *t = (struct tally){.of_names = of_names};
  random_bytes(&t->seed, sizeof t->seed);
}

void
tally_fini(struct tally *t)
{
  free(t->rows);
  free(t->slots);
  t->rows = NULL;
  t->slots = NULL;
}

static uint32_t *
ring_reports_free_slot(struct tally *t, uint64_t hash)
{
  size_t mask = 2 * t->room - 1, at = hash & mask;
  while (t->slots[at] != 0)
    at = (at + 1) & mask;
  return &t->slots[at];
}

static void
ring_reports_grow(struct tally *t)
{
  t->room = t->room > 0 ? 2 * t->room : FIRST_ROOM;
  t->rows = memory_resize(t->rows, t->room, sizeof *t->rows);
  free(t->slots);
  t->slots = memory_array(2 * t->room, sizeof *t->slots);
  for (size_t i = 0; i < t->count; i++)
    *ring_reports_free_slot(t, t->rows[i].hash) = (uint32_t)i + 1;
}

static bool
ring_reports_is_row_of(const struct tally *t, const struct tally_row *row, uint64_t hash, const void *key)
{
  if (row->hash != hash)
    return false;
  return t->of_names ? name_equal(&row->name, key) : address_equal_ip(&row->address, key);
}

// The key's row, which is added when it is new.
static struct tally_row *
ring_reports_row_of(struct tally *t, uint64_t hash, const void *key)
{
  if (t->count == t->room)
    ring_reports_grow(t);
  size_t mask = 2 * t->room - 1;
  for (size_t at = hash & mask; t->slots[at] != 0; at = (at + 1) & mask)
    if (ring_reports_is_row_of(t, &t->rows[t->slots[at] - 1], hash, key))
      return &t->rows[t->slots[at] - 1];
  struct tally_row *row = &t->rows[t->count++];
  *ring_reports_free_slot(t, hash) = (uint32_t)t->count;
  row->hash = hash;
  row->count = 0;
  if (t->of_names) {
    row->name = *(const struct name *)key;
  } else {
    row->address = *(const struct address *)key;
    address_set_port(&row->address, 0);
  }
  return row;
}

void
tally_add_name(struct tally *t, const struct name *name, uint64_t n)
{
  assert(t->of_names);
  ring_reports_row_of(t, name_bytes_hash(name->bytes, name->size, t->seed), name)->count += n;
  t->total += n;
}

void
tally_add_address(struct tally *t, const struct address *address, uint64_t n)
{
  assert(!t->of_names);
  ring_reports_row_of(t, address_hash(address, t->seed), address)->count += n;
  t->total += n;
}

static int
ring_reports_compare_names(const void *a, const void *b)
{
  const struct tally_row *x = a, *y = b;
  return x->count != y->count ? (x->count < y->count ? 1 : -1) : name_compare(&x->name, &y->name);
}

static int
ring_reports_compare_addresses(const void *a, const void *b)
{
  const struct tally_row *x = a, *y = b;
  return x->count != y->count ? (x->count < y->count ? 1 : -1) : address_compare(&x->address, &y->address);
}

void
tally_sort(struct tally *t)
{
  if (t->count > 0)
    qsort(t->rows, t->count, sizeof *t->rows, t->of_names ? ring_reports_compare_names : ring_reports_compare_addresses);
}

// Counting the entries of the rings per name, per client and per latency.

static bool
ring_reports_is_wanted(const struct ring_count *what, const struct ring_entry *e)
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
ring_reports_cut_name(struct name *name, unsigned labels)
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
    if (!ring_reports_is_wanted(what, &e))
      continue;
    uint64_t n = what->bytes ? e.size : 1;
    if (!t->of_names) {
      tally_add_address(t, &e.client, n);
      continue;
    }
    if (what->cut)
      ring_reports_cut_name(&e.qname, what->labels);
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
ring_reports_histogram_read(struct histogram *h)
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
ring_reports_put_bar(struct text *out, uint64_t count, uint64_t highest)
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
  ring_reports_histogram_read(&h);
  if (h.count == 0) {
    text_puts(out, "No traffic yet.\n");
    return;
  }
  text_printf(out, "Average response latency: %.2f ms\n%7s\t\n", h.sum_us / (double)h.count / 1000, "ms");
  for (unsigned i = 0; i < BINS; i++) {
    text_printf(out, "%7.2f\t", (double)((uint64_t)FIRST_BIN_US << i) / 1000);
    ring_reports_put_bar(out, h.bins[i], h.highest);
    text_puts(out, "\n");
  }
}

// Filters of grepq() and the table that it prints.

// "100ms": digits and the unit.
static bool
ring_reports_parse_latency(const char *text, uint64_t *us)
{
  uint64_t ms = 0;
  const char *at = text;
  for (; *at >= '0' && *at <= '9'; at++)
    ms = ms > UINT32_MAX ? ms : ms * 10 + (uint64_t)(*at - '0');
  *us = ms * 1000;
  return at > text && strcmp(at, "ms") == 0;
}

bool
ring_grep_add(struct ring_grep *g, const char *text, size_t size)
{
  if (netmask_parse(&g->mask, text, NULL))
    return g->has_mask = true;
  if (ring_reports_parse_latency(text, &g->slower_us))
    return g->has_latency = true;
  if (!name_from_text(&g->name, text, size, NULL))
    return false;
  return g->has_name = true;
}

static bool
ring_reports_grep_is_wanted(const struct ring_grep *g, const struct ring_entry *e)
{
  if (g->has_latency && (e->kind != RING_ANSWERS || e->latency_us <= g->slower_us))
    return false;
  if (g->has_mask && netmask_match(&g->mask, &e->client) == g->mask.negated)
    return false;
  return !g->has_name || name_bytes_is_part_of(e->qname.bytes, e->qname.size, &g->name);
}

// ---- lines ----

static void
ring_reports_put_header_line(struct text *out)
{
  text_printf(out, "%-7s %-47s %-12s %-12s %-5s %-25s %-5s %-6s %-2s %-2s %-2s %s\n", "Time", "Client", "Protocol",
              "Server", "ID", "Name", "Type", "Lat.", "TC", "RD", "AA", "Rcode");
}

static const char *
ring_reports_latency_text(const struct ring_entry *e, char *out, size_t size)
{
  if (e->kind == RING_QUERIES)
    return "";
  if (ring_entry_timed_out(e))
    return "T.O";
  snprintf(out, size, "%.1f", (double)e->latency_us / 1000);
  return out;
}

static const char *
ring_reports_server_text(const struct ring_entry *e, char *out)
{
  if (e->kind == RING_QUERIES)
    return "";
  return ring_entry_is_hit(e) ? "Cache" : address_text_with_port(&e->backend, out);
}

static void
ring_reports_put_outcome(const struct ring_entry *e, struct text *out)
{
  char rcode[RCODE_TEXT_SIZE];
  unsigned opcode = message_opcode(e->header);
  if (ring_entry_timed_out(e)) {
    text_puts(out, "No answer");
  } else if (e->kind == RING_ANSWERS) {
    text_puts(out, rcode_text(ring_entry_rcode(e), rcode, sizeof rcode));
    if (ring_entry_rcode(e) == RCODE_NOERROR)
      text_printf(out, ". %u answers", message_count(e->header, 1));
  } else {
    text_puts(out, "Question");
    if (opcode != OPCODE_QUERY)
      text_printf(out, " (%s)", opcode_text(opcode));
  }
  text_puts(out, "\n");
}

static void
ring_reports_put_entry(const struct ring_entry *e, uint64_t now_us, struct text *out)
{
  char client[ADDRESS_TEXT_SIZE], server[ADDRESS_TEXT_SIZE], name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE], latency[24];
  uint8_t flags = e->header[2];
  text_printf(out, "%-7.1f %-47s %-12s %-12s %-5u %-25s %-5s %-6s %-2s %-2s %-2s ",
              ((double)e->when_us - (double)now_us) / 1e6, address_text_with_port(&e->client, client),
              ring_entry_is_hit(e) ? "-" : e->protocol->name, ring_reports_server_text(e, server),
              message_id(e->header), name_text(&e->qname, name), qtype_text(e->qtype, type),
              ring_reports_latency_text(e, latency, sizeof latency), (flags & FLAG2_TC) != 0 ? "TC" : "",
              (flags & FLAG2_RD) != 0 ? "RD" : "", (flags & FLAG2_AA) != 0 ? "AA" : "");
  ring_reports_put_outcome(e, out);
}

// ---- both rings ----

// The newest that match, oldest first, moved to the end of the array.
static struct ring_entry *
ring_reports_select_entries(const struct ring_grep *g, struct ring_entry *entries, size_t *count)
{
  size_t kept = *count;
  for (size_t i = *count; i-- > 0 && (g->limit == 0 || *count - kept < g->limit);)
    if (ring_reports_grep_is_wanted(g, &entries[i]))
      entries[--kept] = entries[i];
  *count -= kept;
  return entries == NULL ? NULL : entries + kept;
}

void
ring_grep_text(const struct ring_grep *g, struct text *out)
{
  size_t count[RING_KINDS], next[RING_KINDS] = {0};
  struct ring_entry *all[RING_KINDS], *entries[RING_KINDS];
  uint64_t now_us = clock_mono_us();
  for (unsigned i = 0; i < RING_KINDS; i++) {
    all[i] = ring_read_all((enum ring_kind)i, 0, &count[i]);
    entries[i] = ring_reports_select_entries(g, all[i], &count[i]);
  }
  ring_reports_put_header_line(out);
  while (next[RING_QUERIES] < count[RING_QUERIES] || next[RING_ANSWERS] < count[RING_ANSWERS]) {
    // A query comes before its answer, even if both took no time.
    bool query = next[RING_ANSWERS] == count[RING_ANSWERS] ||
                 (next[RING_QUERIES] < count[RING_QUERIES] &&
                  entries[RING_QUERIES][next[RING_QUERIES]].when_us <= entries[RING_ANSWERS][next[RING_ANSWERS]].when_us);
    enum ring_kind kind = query ? RING_QUERIES : RING_ANSWERS;
    ring_reports_put_entry(&entries[kind][next[kind]++], now_us, out);
  }
  for (unsigned i = 0; i < RING_KINDS; i++)
    free(all[i]);
}

// SPDX-License-Identifier: BSD-2-Clause
// Filters of grepq() and the table that it prints.
#include "dnsproxy/guard/ring_grep.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/wire/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// "100ms": digits and the unit.
static bool
ring_grep_parse_latency(const char *text, uint64_t *us)
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
  if (ring_grep_parse_latency(text, &g->slower_us))
    return g->has_latency = true;
  if (!name_from_text(&g->name, text, size, NULL))
    return false;
  return g->has_name = true;
}

static bool
ring_grep_is_wanted(const struct ring_grep *g, const struct ring_entry *e)
{
  if (g->has_latency && (e->kind != RING_ANSWERS || e->latency_us <= g->slower_us))
    return false;
  if (g->has_mask && netmask_match(&g->mask, &e->client) == g->mask.negated)
    return false;
  return !g->has_name || name_bytes_is_part_of(e->qname.bytes, e->qname.size, &g->name);
}

// ---- lines ----

static void
ring_grep_put_header_line(struct text *out)
{
  text_printf(out, "%-7s %-47s %-12s %-12s %-5s %-25s %-5s %-6s %-2s %-2s %-2s %s\n", "Time", "Client", "Protocol",
              "Server", "ID", "Name", "Type", "Lat.", "TC", "RD", "AA", "Rcode");
}

static const char *
ring_grep_latency_text(const struct ring_entry *e, char *out, size_t size)
{
  if (e->kind == RING_QUERIES)
    return "";
  if (ring_entry_timed_out(e))
    return "T.O";
  snprintf(out, size, "%.1f", (double)e->latency_us / 1000);
  return out;
}

static const char *
ring_grep_server_text(const struct ring_entry *e, char *out)
{
  if (e->kind == RING_QUERIES)
    return "";
  return ring_entry_is_hit(e) ? "Cache" : address_text_with_port(&e->backend, out);
}

static void
ring_grep_put_outcome(const struct ring_entry *e, struct text *out)
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
ring_grep_put_entry(const struct ring_entry *e, uint64_t now_us, struct text *out)
{
  char client[ADDRESS_TEXT_SIZE], server[ADDRESS_TEXT_SIZE], name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE], latency[24];
  uint8_t flags = e->header[2];
  text_printf(out, "%-7.1f %-47s %-12s %-12s %-5u %-25s %-5s %-6s %-2s %-2s %-2s ",
              ((double)e->when_us - (double)now_us) / 1e6, address_text_with_port(&e->client, client),
              ring_entry_is_hit(e) ? "-" : e->protocol->name, ring_grep_server_text(e, server),
              message_id(e->header), name_text(&e->qname, name), qtype_text(e->qtype, type),
              ring_grep_latency_text(e, latency, sizeof latency), (flags & FLAG2_TC) != 0 ? "TC" : "",
              (flags & FLAG2_RD) != 0 ? "RD" : "", (flags & FLAG2_AA) != 0 ? "AA" : "");
  ring_grep_put_outcome(e, out);
}

// ---- both rings ----

// The newest that match, oldest first, moved to the end of the array.
static struct ring_entry *
ring_grep_select_entries(const struct ring_grep *g, struct ring_entry *entries, size_t *count)
{
  size_t kept = *count;
  for (size_t i = *count; i-- > 0 && (g->limit == 0 || *count - kept < g->limit);)
    if (ring_grep_is_wanted(g, &entries[i]))
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
    entries[i] = ring_grep_select_entries(g, all[i], &count[i]);
  }
  ring_grep_put_header_line(out);
  while (next[RING_QUERIES] < count[RING_QUERIES] || next[RING_ANSWERS] < count[RING_ANSWERS]) {
    // A query comes before its answer, even if both took no time.
    bool query = next[RING_ANSWERS] == count[RING_ANSWERS] ||
                 (next[RING_QUERIES] < count[RING_QUERIES] &&
                  entries[RING_QUERIES][next[RING_QUERIES]].when_us <= entries[RING_ANSWERS][next[RING_ANSWERS]].when_us);
    enum ring_kind kind = query ? RING_QUERIES : RING_ANSWERS;
    ring_grep_put_entry(&entries[kind][next[kind]++], now_us, out);
  }
  for (unsigned i = 0; i < RING_KINDS; i++)
    free(all[i]);
}

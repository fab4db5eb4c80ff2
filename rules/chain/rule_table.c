// SPDX-License-Identifier: BSD-2-Clause
// The tables of show...Rules() and top...Rules(): position, name, UUID, hits, cost, what the rule is.
//
// A row is made of what the rule, its selector and its action say about themselves (their kinds' `text`), so that no table
// knows a kind. Hits are summed over workers as they stand. Columns are as wide as their contents; with showUUIDs and
// truncateRuleWidth as the dialect has them, because scripts cut these tables apart.
//
// Lua lock: the list is the one that is being edited, not that of a snapshot.
#include "dnsproxy/base/memory.h"
#include "rules/chain/chain.h"
#include "rules/chain/rule_cost.h"

#include <stdlib.h>
#include <string.h>

enum { RULE_WIDTH = 56 };

static void
rule_table_add_rule_text(const struct rule *r, int64_t truncate, struct text *out)
{
  struct text shown;
  text_init(&shown);
  selector_show(r->selector, &shown);
  size_t size = truncate >= 0 && (uint64_t)truncate < shown.size ? (size_t)truncate : shown.size;
  text_add(out, shown.data, size);
  for (size_t i = size; i < RULE_WIDTH; i++)
    text_puts(out, " ");
  text_fini(&shown);
}

// Of the time that the rules of the table took together.
static void
rule_table_add_cost(const struct rule *r, uint64_t total_ns, struct text *out)
{
  uint64_t ns = rule_cost_ns(r);
  if (total_ns == 0 || ns == 0)
    text_printf(out, "%6s %9s %9s ", "-", "-", "-");
  else
    text_printf(out, "%6.1f %9llu %9llu ", 100.0 * (double)ns / (double)total_ns, (unsigned long long)rule_cost_mean_ns(r),
                (unsigned long long)rule_cost_p99_ns(r));
}

static void
rule_table_add_row(uint32_t position, const struct rule *r, const struct rule_table *table, uint64_t total_ns,
                   struct text *out)
{
  text_printf(out, "%-3u %-30s ", position, r->name);
  if (table->uuids) {
    char uuid[UUID_TEXT_SIZE];
    text_printf(out, "%-38s %9llu ", uuid_text(&r->uuid, uuid), (unsigned long long)r->creation_order);
  }
  text_printf(out, "%9llu ", (unsigned long long)rule_hits(r));
  if (table->cost)
    rule_table_add_cost(r, total_ns, out);
  rule_table_add_rule_text(r, table->truncate_rule, out);
  text_puts(out, " ");
  action_show(r->action, out);
  text_puts(out, "\n");
}

void
rule_table_print(struct rule *const *rules, uint32_t count, const struct rule_table *table, struct text *out)
{
  text_printf(out, "%-3s %-30s ", "#", "Name");
  if (table->uuids)
    text_printf(out, "%-38s %9s ", "UUID", "Cr. Order");
  text_printf(out, "%9s ", "Matches");
  if (table->cost)
    text_printf(out, "%6s %9s %9s ", "Time %", "Mean ns", "p99 ns");
  text_printf(out, "%-56s %s\n", "Rule", "Action");
  uint64_t total_ns = 0;
  for (uint32_t i = 0; table->cost && i < count; i++)
    total_ns += rule_cost_ns(rules[i]);
  for (uint32_t i = 0; i < count; i++)
    rule_table_add_row(i, rules[i], table, total_ns, out);
}

struct ranked {
  uint64_t hits;
  uint32_t position;
};

static int
rule_table_by_hits(const void *a, const void *b)
{
  const struct ranked *x = a, *y = b;
  if (x->hits != y->hits)
    return x->hits > y->hits ? -1 : 1;
  return x->position < y->position ? -1 : x->position > y->position;
}

uint32_t
rule_list_top(const struct rule_list *list, uint32_t top, struct rule **out)
{
  struct ranked *ranked = memory_array(list->count + 1, sizeof *ranked);
  for (uint32_t i = 0; i < list->count; i++)
    ranked[i] = (struct ranked){.hits = rule_hits(list->rules[i]), .position = i};
  qsort(ranked, list->count, sizeof *ranked, rule_table_by_hits);
  uint32_t count = top < list->count ? top : list->count;
  for (uint32_t i = 0; i < count; i++)
    out[i] = list->rules[ranked[i].position];
  free(ranked);
  return count;
}

// SPDX-License-Identifier: BSD-2-Clause
// Groups of rules: their life, judging the clients of the rings, blocks that come of it; and the tree of names for visitors.
#include "dnsproxy/guard/dynblock_group.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/guard/dynblock_table.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/name_set.h"

#include <stdlib.h>
#include <string.h>

// ---- the tree of names ----

struct answer {
  struct stat_counts counts;
  struct name name;
};

struct walk {
  stat_visit_fn visit;
  void *arg;
  unsigned depth; // of the node on top; the root, at 0, is always there
  struct stat_node nodes[NAME_MAX_LABELS];
};

static void
dynblock_group_add(struct stat_counts *to, const struct stat_counts *from)
{
  to->queries += from->queries;
  to->noerrors += from->noerrors;
  to->nxdomains += from->nxdomains;
  to->servfails += from->servfails;
  to->drops += from->drops;
  to->bytes += from->bytes;
  to->hits += from->hits;
}

static struct stat_counts
dynblock_group_counts_of(const struct ring_entry *e)
{
  bool drop = ring_entry_timed_out(e);
  unsigned rcode = ring_entry_rcode(e);
  return (struct stat_counts){.queries = 1,
                              .noerrors = !drop && rcode == RCODE_NOERROR,
                              .nxdomains = !drop && rcode == RCODE_NXDOMAIN,
                              .servfails = !drop && rcode == RCODE_SERVFAIL,
                              .drops = drop,
                              .bytes = e->size,
                              .hits = ring_entry_is_hit(e)};
}

static int
dynblock_group_by_name(const void *a, const void *b)
{
  return name_compare(&((const struct answer *)a)->name, &((const struct answer *)b)->name);
}

static struct answer *
dynblock_group_sorted_answers(uint64_t since_us, size_t *count)
{
  struct answer *answers = NULL;
  size_t room = 0;
  struct ring_entry e;
  struct ring_reader *r = ring_reader_new(RING_ANSWERS, since_us);
  *count = 0;
  while (ring_reader_next(r, &e)) {
    if (*count == room)
      answers = memory_resize(answers, room = 2 * room + 256, sizeof *answers);
    answers[*count].counts = dynblock_group_counts_of(&e);
    answers[(*count)++].name = e.qname;
  }
  ring_reader_free(&r);
  if (*count > 0)
    qsort(answers, *count, sizeof *answers, dynblock_group_by_name);
  return answers;
}

// The node on top has all its children: it is told, and its parent gets its sums. False: no more is wanted.
static bool
dynblock_group_leave(struct walk *w)
{
  struct stat_node *node = &w->nodes[w->depth];
  dynblock_group_add(&node->all, &node->self);
  if (!w->visit(node, w->arg))
    return false;
  if (w->depth > 0) {
    struct stat_node *parent = &w->nodes[--w->depth];
    dynblock_group_add(&parent->all, &node->all);
    parent->children++;
  }
  return true;
}

// The last `labels` labels of a name.
static void
dynblock_group_tail_of(struct name *out, const struct name *name, unsigned labels)
{
  *out = *name;
  for (unsigned left = name_bytes_labels(name->bytes); left > labels; left--)
    name_chop(out);
}

// Opens the nodes from the one on top, which is above, down to the name.
static void
dynblock_group_enter(struct walk *w, const struct name *name)
{
  for (unsigned depth = name_bytes_labels(name->bytes); w->depth < depth;) {
    struct stat_node *node = &w->nodes[++w->depth];
    memset(node, 0, sizeof *node);
    node->labels = w->depth;
    dynblock_group_tail_of(&node->name, name, w->depth);
  }
}

static bool
dynblock_group_walk_to(struct walk *w, const struct answer *answer)
{
  while (!name_bytes_is_part_of(answer->name.bytes, answer->name.size, &w->nodes[w->depth].name))
    if (!dynblock_group_leave(w))
      return false;
  dynblock_group_enter(w, &answer->name);
  dynblock_group_add(&w->nodes[w->depth].self, &answer->counts);
  return true;
}

void
stat_nodes_visit(uint64_t since_us, stat_visit_fn visit, void *arg)
{
  size_t count;
  struct answer *answers = dynblock_group_sorted_answers(since_us, &count);
  struct walk *w = memory_new(sizeof *w);
  w->visit = visit;
  w->arg = arg;
  w->nodes[0].name.size = 1;
  bool wanted = true;
  for (size_t i = 0; i < count && wanted; i++)
    wanted = dynblock_group_walk_to(w, &answers[i]);
  while (wanted && w->depth > 0)
    wanted = dynblock_group_leave(w);
  if (wanted)
    dynblock_group_leave(w);
  free(w);
  free(answers);
}

// ---- life of a group ----

static void
dynblock_group_rule_fini(struct dynblock_rule *r)
{
  free(r->reason);
  free(r->tag_name);
  free(r->tag_value);
}

static void
dynblock_group_rules_fini(struct dynblock_rule *rules, size_t count, struct dynblock_suffix_rule *suffix)
{
  for (size_t i = 0; i < count; i++)
    dynblock_group_rule_fini(&rules[i]);
  free(rules);
  free(suffix->reason);
  free(suffix->tag_name);
  free(suffix->tag_value);
  object_unref(&suffix->visitor);
  object_unref(&suffix->visitor_ffi);
}

static void
dynblock_group_free(struct object *object)
{
  struct dynblock_group *g = (struct dynblock_group *)(void *)object;
  dynblock_group_rules_fini(g->rules, g->count, &g->suffix);
  object_unref(&g->excluded);
  object_unref(&g->excluded_names);
  object_unref(&g->hook);
  free(g);
}
const struct object_class dynblock_group_class = {.name = "DynBlockRulesGroup", .free = dynblock_group_free};

struct dynblock_group *
dynblock_group_new(void)
{
  struct dynblock_group *g = memory_new(sizeof *g);
  object_init(&g->object, &dynblock_group_class);
  g->excluded = netmask_set_new();
  g->excluded_names = suffix_set_new();
  g->bits_v4 = 32;
  g->bits_v6 = 128;
  return g;
}

static int
dynblock_group_by_kind(const void *left, const void *right)
{
  const struct dynblock_rule *a = left, *b = right;
  if (a->kind != b->kind)
    return (int)a->kind - (int)b->kind;
  return (a->number > b->number) - (a->number < b->number); // any 32 bits: a difference may not fit
}

void
dynblock_group_set(struct dynblock_group *g, const struct dynblock_rule *rule)
{
  for (size_t i = 0; i < g->count; i++)
    if (dynblock_group_by_kind(&g->rules[i], rule) == 0) {
      dynblock_group_rule_fini(&g->rules[i]);
      g->rules[i] = *rule;
      return;
    }
  g->rules = memory_resize(g->rules, g->count + 1, sizeof *g->rules);
  g->rules[g->count++] = *rule;
  qsort(g->rules, g->count, sizeof *g->rules, dynblock_group_by_kind);
}

// ---- how edits are taken back: records of a transaction (base/undo.h) ----

struct dynblock_group_rules {
  struct dynblock_group *group;
  struct dynblock_rule *rules; // a copy
  size_t count;
  struct dynblock_suffix_rule suffix; // likewise
};

static void
dynblock_group_rules_back(void *room)
{
  struct dynblock_group_rules *e = room, is = {.rules = e->group->rules, .count = e->group->count, .suffix = e->group->suffix};
  e->group->rules = e->rules;
  e->group->count = e->count;
  e->group->suffix = e->suffix;
  e->rules = is.rules; // given up by gone()
  e->count = is.count;
  e->suffix = is.suffix;
}

static void
dynblock_group_rules_gone(void *room)
{
  struct dynblock_group_rules *e = room;
  dynblock_group_rules_fini(e->rules, e->count, &e->suffix);
  object_unref(&e->group);
}

void
dynblock_group_edit_rules(struct dynblock_group *g)
{
  struct dynblock_group_rules *e = undo_record(sizeof *e, dynblock_group_rules_back, dynblock_group_rules_gone);
  if (e == NULL)
    return;
  *e = (struct dynblock_group_rules){.group = object_ref(g), .count = g->count, .suffix = g->suffix};
  e->rules = memory_array(g->count + 1, sizeof *e->rules);
  for (size_t i = 0; i < g->count; i++) {
    e->rules[i] = g->rules[i];
    e->rules[i].reason = memory_string(g->rules[i].reason);
    e->rules[i].tag_name = memory_string(g->rules[i].tag_name);
    e->rules[i].tag_value = memory_string(g->rules[i].tag_value);
  }
  e->suffix.reason = memory_string(g->suffix.reason);
  e->suffix.tag_name = memory_string(g->suffix.tag_name);
  e->suffix.tag_value = memory_string(g->suffix.tag_value);
  object_ref(e->suffix.visitor);
  object_ref(e->suffix.visitor_ffi);
}

struct dynblock_group_rest {
  struct dynblock_group *group;
  struct netmask_set *excluded;
  struct suffix_set *excluded_names;
  void *hook;
  uint8_t bits_v4, bits_v6, port_bits;
  bool quiet;
};

static void
dynblock_group_rest_back(void *room)
{
  const struct dynblock_group_rest *e = room;
  struct dynblock_group *g = e->group;
  object_unref(&g->excluded);
  object_unref(&g->excluded_names);
  object_unref(&g->hook);
  g->excluded = object_ref(e->excluded);
  g->excluded_names = object_ref(e->excluded_names);
  g->hook = object_ref(e->hook);
  g->bits_v4 = e->bits_v4;
  g->bits_v6 = e->bits_v6;
  g->port_bits = e->port_bits;
  g->quiet = e->quiet;
}

static void
dynblock_group_rest_gone(void *room)
{
  struct dynblock_group_rest *e = room;
  object_unref(&e->excluded);
  object_unref(&e->excluded_names);
  object_unref(&e->hook);
  object_unref(&e->group);
}

void
dynblock_group_edit_rest(struct dynblock_group *g)
{
  struct dynblock_group_rest *e = undo_record(sizeof *e, dynblock_group_rest_back, dynblock_group_rest_gone);
  if (e == NULL)
    return;
  *e = (struct dynblock_group_rest){.group = object_ref(g),
                                    .excluded = object_ref(g->excluded),
                                    .excluded_names = object_ref(g->excluded_names),
                                    .hook = object_ref(g->hook),
                                    .bits_v4 = g->bits_v4,
                                    .bits_v6 = g->bits_v6,
                                    .port_bits = g->port_bits,
                                    .quiet = g->quiet};
  netmask_set_writable(&g->excluded);
  suffix_set_writable(&g->excluded_names);
}

// ---- counting per client: one pass over each ring, whatever the number of rules ----

struct tick {
  uint64_t count, of; // of: answers that a ratio is of
};

struct client {
  struct address address; // masked
  struct tick ticks[];    // one per rule
};

struct clients {
  const struct dynblock_group *group;
  uint64_t seed, now_us;
  size_t count, capacity; // a power of two
  struct client **slots;
};

static struct address
dynblock_group_masked(const struct dynblock_group *g, const struct address *a)
{
  struct address m = *a;
  dynblock_mask(&m, address_is_v6(a) ? g->bits_v6 : g->bits_v4, g->port_bits);
  return m;
}

static struct client **
dynblock_group_slot_of(struct clients *c, const struct address *a)
{
  size_t at = address_hash(a, c->seed + address_port(a)) & (c->capacity - 1);
  while (c->slots[at] != NULL && !address_equal(&c->slots[at]->address, a))
    at = (at + 1) & (c->capacity - 1);
  return &c->slots[at];
}

static void
dynblock_group_grow(struct clients *c)
{
  struct client **old = c->slots;
  size_t capacity = c->capacity;
  c->capacity = capacity == 0 ? 256 : 2 * capacity;
  c->slots = memory_array(c->capacity, sizeof *c->slots);
  for (size_t i = 0; i < capacity; i++)
    if (old[i] != NULL)
      *dynblock_group_slot_of(c, &old[i]->address) = old[i];
  free(old);
}

static struct client *
dynblock_group_client_of(struct clients *c, const struct address *client)
{
  struct address a = dynblock_group_masked(c->group, client);
  if (2 * (c->count + 1) > c->capacity)
    dynblock_group_grow(c);
  struct client **slot = dynblock_group_slot_of(c, &a);
  if (*slot == NULL) {
    *slot = memory_new(sizeof **slot + c->group->count * sizeof(struct tick));
    (*slot)->address = a;
    c->count++;
  }
  return *slot;
}

// How much an entry weighs for a rule; *of: whether it is one of those a ratio is of.
static uint64_t
dynblock_group_weigh(const struct dynblock_rule *r, const struct ring_entry *e, bool *of)
{
  bool query = e->kind == RING_QUERIES, timed_out = ring_entry_timed_out(e);
  *of = !query && !timed_out;
  switch (r->kind) {
  case DYNBLOCK_QUERY_RATE:
    return query;
  case DYNBLOCK_QTYPE_RATE:
    return query && e->qtype == r->number;
  case DYNBLOCK_BYTE_RATE:
    return query ? 0 : e->size;
  case DYNBLOCK_CACHE_MISS_RATIO:
    *of = !query;
    return !query && !ring_entry_is_hit(e);
  case DYNBLOCK_RCODE_RATE:
  case DYNBLOCK_RCODE_RATIO:
    return *of && ring_entry_rcode(e) == r->number;
  case DYNBLOCK_ALLOWED_RCODES_RATIO:
    return *of && (r->rcodes >> ring_entry_rcode(e) & 1) == 0;
  }
  return 0;
}

static void
dynblock_group_count_entry(struct clients *c, const struct ring_entry *e)
{
  const struct dynblock_group *g = c->group;
  struct client *client = NULL;
  if (netmask_set_match(g->excluded, &e->client))
    return;
  for (size_t i = 0; i < g->count; i++) {
    bool of;
    if (e->when_us + g->rules[i].seconds * 1000000 < c->now_us)
      continue;
    uint64_t n = dynblock_group_weigh(&g->rules[i], e, &of);
    if (n == 0 && !of)
      continue;
    if (client == NULL)
      client = dynblock_group_client_of(c, &e->client);
    client->ticks[i].count += n;
    client->ticks[i].of += of;
  }
}

static void
dynblock_group_count_ring(struct clients *c, enum ring_kind kind)
{
  uint64_t most_s = 0;
  for (size_t i = 0; i < c->group->count; i++)
    most_s = c->group->rules[i].seconds > most_s ? c->group->rules[i].seconds : most_s;
  uint64_t back_us = most_s * 1000000;
  struct ring_entry e;
  struct ring_reader *reader = ring_reader_new(kind, c->now_us > back_us ? c->now_us - back_us : 0);
  while (ring_reader_next(reader, &e))
    dynblock_group_count_entry(c, &e);
  ring_reader_free(&reader);
}

// ---- judging ----

struct judging {
  const struct dynblock_group *group;
  struct dynblock_draft *draft;
  uint64_t now_us;
  double hit_ratio;
  dynblock_made_fn made;
  void *arg;
};

static void
dynblock_group_insert(const struct judging *j, const struct dynblock_spec *spec)
{
  if (dynblock_insert(j->draft, spec, j->now_us) != DYNBLOCK_NEW)
    return;
  if (!j->group->quiet)
    dynblock_log(spec);
  j->made(j->group, spec, j->arg);
}

static bool
dynblock_group_is_ratio(const struct dynblock_rule *r)
{
  return r->kind == DYNBLOCK_CACHE_MISS_RATIO || r->kind == DYNBLOCK_RCODE_RATIO || r->kind == DYNBLOCK_ALLOWED_RCODES_RATIO;
}

static bool
dynblock_group_exceeds(const struct dynblock_rule *r, const struct tick *t, double limit)
{
  return (double)t->count > limit * (dynblock_group_is_ratio(r) ? (double)t->of : (double)r->seconds);
}

enum judged { FINE, WARNED, BLOCKED };

static enum judged
dynblock_group_judge(const struct judging *j, const struct dynblock_rule *r, const struct tick *ticks)
{
  struct tick t = {.count = ticks->count * rings_weight(), .of = ticks->of * rings_weight()};
  if (dynblock_group_is_ratio(r) && (t.of < r->min_responses || t.of == 0))
    return FINE;
  if (r->kind == DYNBLOCK_CACHE_MISS_RATIO && j->hit_ratio < r->min_hit_ratio)
    return FINE;
  if (dynblock_group_exceeds(r, &t, r->limit))
    return BLOCKED;
  return r->warning > 0 && dynblock_group_exceeds(r, &t, r->warning) ? WARNED : FINE;
}

static void
dynblock_group_judge_client(const struct judging *j, const struct client *c)
{
  enum { NO_OP = 11 }; // of the dialect's actions
  const struct dynblock_group *g = j->group;
  unsigned bits = address_is_v6(&c->address) ? g->bits_v6 : g->bits_v4;
  for (size_t i = 0; i < g->count; i++) {
    const struct dynblock_rule *r = &g->rules[i];
    enum judged judged = dynblock_group_judge(j, r, &c->ticks[i]);
    if (judged == FINE)
      continue;
    dynblock_group_insert(j, &(struct dynblock_spec){.key = dynblock_key_address(&c->address, bits, g->port_bits),
                                                     .seconds = r->duration_s,
                                                     .reason = r->reason,
                                                     .action = judged == WARNED ? NO_OP : r->action,
                                                     .warning = judged == WARNED,
                                                     .tag_name = r->tag_name,
                                                     .tag_value = r->tag_value});
    // The first three end it; the others are judged each for itself.
    if (r->kind <= DYNBLOCK_CACHE_MISS_RATIO)
      return;
  }
}

void
dynblock_group_apply(const struct dynblock_group *g, struct dynblock_draft *draft, double hit_ratio, dynblock_made_fn made, void *arg)
{
  struct clients c = {.group = g, .now_us = clock_mono_us()};
  struct judging j = {.group = g, .draft = draft, .now_us = c.now_us, .hit_ratio = hit_ratio, .made = made, .arg = arg};
  if (g->count == 0)
    return;
  random_bytes(&c.seed, sizeof c.seed);
  dynblock_group_count_ring(&c, RING_QUERIES);
  dynblock_group_count_ring(&c, RING_ANSWERS);
  for (size_t i = 0; i < c.capacity; i++)
    if (c.slots[i] != NULL) {
      dynblock_group_judge_client(&j, c.slots[i]);
      free(c.slots[i]);
    }
  free(c.slots);
}

void
dynblock_group_block_name(const struct dynblock_group *g, struct dynblock_draft *draft, const struct dynblock_spec *spec,
                          dynblock_made_fn made, void *arg)
{
  struct judging j = {.group = g, .draft = draft, .now_us = clock_mono_us(), .made = made, .arg = arg};
  if (!suffix_set_match(g->excluded_names, spec->key.suffix.bytes, spec->key.suffix.size, NULL))
    dynblock_group_insert(&j, spec);
}

// ---- text ----

static void
dynblock_group_put_rule(struct text *out, const struct dynblock_rule *r)
{
  if (dynblock_group_is_ratio(r))
    text_printf(out, "ratio of %g during the last %llu seconds, at least %llu answers", r->limit, (unsigned long long)r->seconds,
                (unsigned long long)r->min_responses);
  else
    text_printf(out, "%g per second during the last %llu seconds", r->limit, (unsigned long long)r->seconds);
  text_printf(out, ", reason: '%s', for %llu seconds", r->reason, (unsigned long long)r->duration_s);
}

static void
dynblock_group_put_kind(const struct dynblock_group *g, struct text *out, const char *label, enum dynblock_rule_kind kind)
{
  text_printf(out, "%s: ", label);
  for (size_t i = 0; i < g->count; i++)
    if (g->rules[i].kind == kind)
      dynblock_group_put_rule(out, &g->rules[i]);
  text_puts(out, "\n");
}

static void
dynblock_group_put_rcodes(const struct dynblock_group *g, struct text *out)
{
  char name[RCODE_TEXT_SIZE];
  text_puts(out, "RCode rules: \n");
  for (size_t i = 0; i < g->count; i++)
    if (g->rules[i].kind == DYNBLOCK_RCODE_RATE || g->rules[i].kind == DYNBLOCK_RCODE_RATIO) {
      text_printf(out, "- %s: ", rcode_text(g->rules[i].number, name, sizeof name));
      dynblock_group_put_rule(out, &g->rules[i]);
      text_puts(out, "\n");
    }
}

void
dynblock_group_text(const struct dynblock_group *g, struct text *out)
{
  char type[QTYPE_TEXT_SIZE];
  struct text names;
  dynblock_group_put_kind(g, out, "Query rate rule", DYNBLOCK_QUERY_RATE);
  dynblock_group_put_kind(g, out, "Response rate rule", DYNBLOCK_BYTE_RATE);
  text_puts(out, "SuffixMatch rule: ");
  if (g->suffix.set)
    text_printf(out, "during the last %llu seconds, reason: '%s', for %llu seconds", (unsigned long long)g->suffix.seconds,
                g->suffix.reason, (unsigned long long)g->suffix.duration_s);
  text_puts(out, "\n");
  dynblock_group_put_kind(g, out, "Cache-Miss ratio rule", DYNBLOCK_CACHE_MISS_RATIO);
  dynblock_group_put_rcodes(g, out);
  dynblock_group_put_kind(g, out, "Allowed RCodes ratio rule", DYNBLOCK_ALLOWED_RCODES_RATIO);
  text_puts(out, "QType rules: \n");
  for (size_t i = 0; i < g->count; i++)
    if (g->rules[i].kind == DYNBLOCK_QTYPE_RATE) {
      text_printf(out, "- %s: ", qtype_text((uint16_t)g->rules[i].number, type));
      dynblock_group_put_rule(out, &g->rules[i]);
      text_puts(out, "\n");
    }
  text_puts(out, "Excluded Subnets: ");
  netmask_set_text(g->excluded, ", ", out);
  text_init(&names);
  suffix_set_text(g->excluded_names, ", ", &names);
  text_printf(out, "\nExcluded Domains: %s\n", names.data);
  text_fini(&names);
}

// SPDX-License-Identifier: BSD-2-Clause
// The tree of answered names. In canonical order a name comes before the names below it, and these stand together: the tree
// is a walk over the sorted answers with the nodes above the current name on a stack.
#include "dnsproxy/guard/stat_nodes.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"

#include <stdlib.h>
#include <string.h>

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
stat_nodes_add(struct stat_counts *to, const struct stat_counts *from)
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
stat_nodes_counts_of(const struct ring_entry *e)
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
stat_nodes_by_name(const void *a, const void *b)
{
  return name_compare(&((const struct answer *)a)->name, &((const struct answer *)b)->name);
}

static struct answer *
stat_nodes_sorted_answers(uint64_t since_us, size_t *count)
{
  struct answer *answers = NULL;
  size_t room = 0;
  struct ring_entry e;
  struct ring_reader *r = ring_reader_new(RING_ANSWERS, since_us);
  *count = 0;
  while (ring_reader_next(r, &e)) {
    if (*count == room)
      answers = memory_resize(answers, room = 2 * room + 256, sizeof *answers);
    answers[*count].counts = stat_nodes_counts_of(&e);
    answers[(*count)++].name = e.qname;
  }
  ring_reader_free(&r);
  if (*count > 0)
    qsort(answers, *count, sizeof *answers, stat_nodes_by_name);
  return answers;
}

// The node on top has all its children: it is told, and its parent gets its sums. False: no more is wanted.
static bool
stat_nodes_leave(struct walk *w)
{
  struct stat_node *node = &w->nodes[w->depth];
  stat_nodes_add(&node->all, &node->self);
  if (!w->visit(node, w->arg))
    return false;
  if (w->depth > 0) {
    struct stat_node *parent = &w->nodes[--w->depth];
    stat_nodes_add(&parent->all, &node->all);
    parent->children++;
  }
  return true;
}

// The last `labels` labels of a name.
static void
stat_nodes_tail_of(struct name *out, const struct name *name, unsigned labels)
{
  *out = *name;
  for (unsigned left = name_bytes_labels(name->bytes); left > labels; left--)
    name_chop(out);
}

// Opens the nodes from the one on top, which is above, down to the name.
static void
stat_nodes_enter(struct walk *w, const struct name *name)
{
  for (unsigned depth = name_bytes_labels(name->bytes); w->depth < depth;) {
    struct stat_node *node = &w->nodes[++w->depth];
    memset(node, 0, sizeof *node);
    node->labels = w->depth;
    stat_nodes_tail_of(&node->name, name, w->depth);
  }
}

static bool
stat_nodes_walk_to(struct walk *w, const struct answer *answer)
{
  while (!name_bytes_is_part_of(answer->name.bytes, answer->name.size, &w->nodes[w->depth].name))
    if (!stat_nodes_leave(w))
      return false;
  stat_nodes_enter(w, &answer->name);
  stat_nodes_add(&w->nodes[w->depth].self, &answer->counts);
  return true;
}

void
stat_nodes_visit(uint64_t since_us, stat_visit_fn visit, void *arg)
{
  size_t count;
  struct answer *answers = stat_nodes_sorted_answers(since_us, &count);
  struct walk *w = memory_new(sizeof *w);
  w->visit = visit;
  w->arg = arg;
  w->nodes[0].name.size = 1;
  bool wanted = true;
  for (size_t i = 0; i < count && wanted; i++)
    wanted = stat_nodes_walk_to(w, &answers[i]);
  while (wanted && w->depth > 0)
    wanted = stat_nodes_leave(w);
  if (wanted)
    stat_nodes_leave(w);
  free(w);
  free(answers);
}

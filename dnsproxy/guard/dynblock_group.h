// SPDX-License-Identifier: BSD-2-Clause
// Rules that make dynamic blocks from what the rings remember: rates and ratios per client, and a visitor of names.
//
//   maintenance() --> dynblock_group_apply(): rings --> counts per client --> rules, in order --> blocks in the draft
//                 --> its visitor: rings --> stat_nodes_visit(), name by name --> names it wants --> blocks
//
// A group is what dynBlockRulesGroup() gives: at most one rule of each kind and number, ranges that are never blocked, and how
// wide a client is. Applying it reads both rings once, backwards in time to the longest interval of its rules, sums up what
// each client did, and judges each client by the first rule that it breaks.
//
// Names are looked at by a function of the user's. For it the answers are seen as a tree: every name that was asked for and
// every name above it is a node with the counts of itself and of all below. There is no tree in memory: names are sorted by
// their labels from the right, and a stack with one node per label is enough to visit each after its children.
//
// Counted; edited and applied by whoever holds the Lua lock. Nothing that was summed up is kept.
#ifndef DNSPROXY_GUARD_DYNBLOCK_GROUP_H
#define DNSPROXY_GUARD_DYNBLOCK_GROUP_H

#include "dnsproxy/base/netmask.h"
#include "dnsproxy/guard/dynblock.h"
#include "dnsproxy/guard/rings.h"

enum dynblock_rule_kind { // in the order in which a client is judged
  DYNBLOCK_QUERY_RATE,
  DYNBLOCK_BYTE_RATE,
  DYNBLOCK_CACHE_MISS_RATIO,
  DYNBLOCK_QTYPE_RATE,
  DYNBLOCK_RCODE_RATE,
  DYNBLOCK_RCODE_RATIO,
  DYNBLOCK_ALLOWED_RCODES_RATIO,
};

struct dynblock_rule {
  enum dynblock_rule_kind kind;
  double limit, warning;   // per second, or a share of 1; warning 0: none
  unsigned number;         // the type or rcode
  uint32_t rcodes;         // allowed ones, by bit
  uint64_t seconds, duration_s;
  uint64_t min_responses;
  double min_hit_ratio;    // of all queries
  int action;
  char *reason, *tag_name, *tag_value;
};

struct dynblock_suffix_rule {
  bool set;
  uint64_t seconds, duration_s;
  int action;
  char *reason, *tag_name, *tag_value;
  void *visitor;     // lua/: counted script; NULL: none
  void *visitor_ffi; // the same for ffi.C: goes before the other
};

struct dynblock_group {
  struct object object;
  struct dynblock_rule *rules; // at most one of each kind and number
  size_t count;
  struct netmask_set *excluded;   // a negated one is included again
  struct suffix_set *excluded_names;
  uint8_t bits_v4, bits_v6, port_bits;
  bool quiet;
  struct dynblock_suffix_rule suffix;
  void *hook; // lua/: counted script called for each new block; NULL: none
  bool applied; // lua/: right now, its rules may not change
};
extern const struct object_class dynblock_group_class; // "DynBlockRulesGroup"
struct dynblock_group *dynblock_group_new(void);
// Before its rules, the one for suffixes among them, or the rest of it are changed: a transaction that is taken back
// (base/undo.h) makes them what they are now.
void dynblock_group_edit_rules(struct dynblock_group *);
void dynblock_group_edit_rest(struct dynblock_group *); // the sets are writable afterwards
// Takes over the texts; replaces the rule of the same kind and number.
void dynblock_group_set(struct dynblock_group *, const struct dynblock_rule *);

// Told of each new block.
typedef void (*dynblock_made_fn)(const struct dynblock_group *, const struct dynblock_spec *, void *arg);
// Judges every client of the rings; blocks go into the draft. hit_ratio: cache hits of all lookups so far, 0 to 1.
void dynblock_group_apply(const struct dynblock_group *, struct dynblock_draft *, double hit_ratio, dynblock_made_fn, void *arg);
// Blocks a name that the visitor chose, unless it is excluded.
void dynblock_group_block_name(const struct dynblock_group *, struct dynblock_draft *, const struct dynblock_spec *, dynblock_made_fn,
                               void *arg);
void dynblock_group_text(const struct dynblock_group *, struct text *);

// What was answered for a name and for everything below it, seen as a tree of names: for visitors that look for names
// that suffer (statNodeRespRing(), suffix rules of dynamic blocks).
//
// Made from the ring of answers when it is asked for; the caller's own. Any thread.

struct stat_counts {
  uint64_t queries, noerrors, nxdomains, servfails;
  uint64_t drops; // time-outs
  uint64_t bytes;
  uint64_t hits;  // ring_entry_is_hit()
};

struct stat_node {
  struct name name;
  unsigned labels, children; // directly below
  struct stat_counts self;   // of the name itself
  struct stat_counts all;    // of the name and everything below
};

// False: no more nodes are wanted.
typedef bool (*stat_visit_fn)(const struct stat_node *, void *arg);
// Calls visit for every name in the answers since then and every name above, children before their parent, the root last.
// Counts are per entry of the ring: rings_weight() says what each stands for. The root is visited even if there is nothing.
void stat_nodes_visit(uint64_t since_us, stat_visit_fn visit, void *arg);

#endif

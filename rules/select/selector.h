// SPDX-License-Identifier: BSD-2-Clause
// Selectors: "if this". A kind is one const struct beside its code; selectors.c lists the kinds.
//
//   QNameRule("a.test")  ->  struct selector { kind, ... its arguments }  ->  kind->match(selector, query): true or false
//
// From the kind's declaration come the Lua constructor and its errors, showRules(), completion and the manual. Two more things
// are declared there because others rely on them: the effect class (may a chain skip it, may explain() run it?) and the index
// key, where it has one (rules/chain/chain_key.h).
//
// A selector is a counted, immutable object; state that it keeps (rates) is atomic. Made by control, matched by workers, for
// queries and for answers: of an answer, the name and type are those of its query, records and flags those of the packet.
//
// TO ADD ONE: write the struct in a select_*.c, add its name to selectors.c, add its cases to the test table.
#ifndef RULES_SELECT_SELECTOR_H
#define RULES_SELECT_SELECTOR_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/param.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/core/query.h"

// What evaluating it does beside deciding, weakest first: the chain compiler, explain() and dry runs depend on it. The
// question and the client that later rules look at change by EFFECT_STATE (actions) and EFFECT_LUA (both) alone.
enum effect {
  EFFECT_PURE,  // reads the query and its own constants
  EFFECT_CLOCK, // reads the clock or random numbers
  EFFECT_STATE, // keeps state (rates, counters)
  EFFECT_SENDS, // sends or logs something
  EFFECT_LUA,   // runs a script
};

struct selector;
struct rule;

struct selector_kind {
  const char *name; // Lua constructor: "QNameRule"
  const char *help; // one sentence
  const struct param *params; // closed by PARAM_END; NULL: none
  enum effect effect;
  size_t size; // bytes of the whole object; its first member is struct selector
  bool (*init)(struct selector *, const struct value *args, struct fault *); // NULL: nothing to set up
  void (*fini)(struct selector *);                                          // NULL: nothing to give back
  const char *waits_for; // the part of the program that it needs and that does not exist yet; NULL: none (waiting.h)
  bool (*match)(const struct selector *, struct query *); // keeps what it has as it is for a dry query
  void (*see)(const struct selector *, const struct query *, struct text *); // EFFECT_STATE: what it has, for explain()
  const char *text;                                     // in the Rule column, when it needs no more than a constant;
  void (*show)(const struct selector *, struct text *); // ... else this
  // What an index can look it up by; ALL others are evaluated in turn.
  enum selector_key {
    KEY_NONE,
    KEY_QNAME,     // struct name
    KEY_QNAME_SET, // struct name_set
    KEY_SUFFIX,    // struct suffix_set
    KEY_SOURCE,    // struct netmask_set: client address
    KEY_QTYPE,     // uint16_t
    KEY_AND,       // struct selector_list: any of its members' keys
    KEY_OR,        // struct selector_list: the keys of all of them
    KEY_NOT,       // struct selector: no key, but its effect is that one's
  } key;
  const void *(*key_value)(const struct selector *); // NULL as result: this one has no key after all
};

struct selector {
  struct object object;
  const struct selector_kind *kind;
  struct rule *rules;      // that live with it (rule.c); their hits make up selector_matches()
  uint64_t matches_before; // of rules that are gone
};

struct selector_list {
  size_t count;
  struct selector **items;
};

extern const struct object_class selector_class; // "DNSRule"
extern const struct selector_kind *const selector_kinds[]; // closed by NULL
const struct selector_kind *selector_kind_find(const char *name); // by constructor; NULL: unknown

// NULL: fault says why. args: one value per row of kind->params, in their order.
struct selector *selector_new(const struct selector_kind *, const struct value *args, struct fault *);
// That of its kind or, of a compound, the strongest of its parts.
enum effect selector_effect(const struct selector *);
uint64_t selector_matches(const struct selector *); // hits of all rules that had it; any thread
void selector_show(const struct selector *, struct text *);
// What it and its parts keep, of interest to the query; nothing if they keep nothing. Control thread.
void selector_see(const struct selector *, const struct query *, struct text *);

static inline bool
selector_match(const struct selector *s, struct query *q)
{
  return s->kind->match(s, q);
}

// For loose specifications (semantics.md 18) and the console: ready-made kinds.
struct netmask_set;
struct suffix_set;
struct selector *selector_from_suffixes(struct suffix_set *, bool quiet);           // refs the set
struct selector *selector_from_netmasks(struct netmask_set *, bool source, bool quiet);

// The pools that a query may be sent to: given by path/ at start, because snapshots are above this folder.
struct pool_table;
extern const struct pool_table *(*selector_pools)(const struct query *);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// Actions: "then that", for queries and for responses. A kind is one const struct beside its code; actions.c lists all.
//
//   kind->run(action, query) -> VERDICT_NEXT: the chain goes on
//                               VERDICT_STOP: it ends here; an action that answered has set QR, and the walk sees it
//                               VERDICT_DROP: query->drop says why (verdict_drop())
//                               VERDICT_PARKED: somebody else owns the query now
//
// An action is a counted, immutable object; state that it keeps is atomic. Made by control, run by workers. One that changes
// the packet sets packet_changed, or offsets of EDNS known from before are used; one that answers goes through
// self_answer.h. Declarations serve the Lua constructors, showRules(), completion and the manual as those of selectors do.
//
// TO ADD ONE: write the struct in an act_*.c, add its name to actions.c, add its row to the table of the tests.
#ifndef RULES_ACT_ACTION_H
#define RULES_ACT_ACTION_H

#include "rules/select/selector.h"

// What the chain does next. The effect on the query is already made by the action.
enum verdict {
  VERDICT_NEXT,   // go on with the next rule
  VERDICT_STOP,   // the chain ends; the query walks on (to self-answer if QR is set)
  VERDICT_DROP,   // the chain ends; the query or answer is dropped, q->drop says why
  VERDICT_PARKED, // a script or table owns the query now
};

enum action_side { SIDE_QUERY, SIDE_RESPONSE };

struct action;

struct action_kind {
  const char *name; // Lua constructor: "RCodeAction"
  const char *help;
  enum action_side side;
  const struct param *params;
  enum effect effect;
  size_t size;
  bool (*init)(struct action *, const struct value *args, struct fault *);
  void (*fini)(struct action *);
  const char *waits_for; // the part of the program that it needs and that does not exist yet; NULL: none (waiting.h)
  enum verdict (*run)(const struct action *, struct query *);
  const char *text;                                   // in the Action column, when it needs no more than a constant;
  void (*show)(const struct action *, struct text *); // ... else this
  void (*stats)(const struct action *, void (*each)(const char *name, double value, void *), void *); // NULL: none
  bool (*reload)(struct action *, struct fault *); // NULL: none
};

struct action {
  struct object object;
  const struct action_kind *kind;
};

extern const struct object_class query_action_class;    // "DNSAction"
extern const struct object_class response_action_class; // "DNSResponseAction"
extern const struct action_kind *const action_kinds[];   // closed by NULL
const struct action_kind *action_kind_find(const char *name); // by constructor; NULL: unknown

// NULL: fault says why. args: one value per row of kind->params, in their order.
struct action *action_new(const struct action_kind *, const struct value *args, struct fault *);
void action_show(const struct action *, struct text *);
// Runs it; for a dry query nothing is sent or logged.
static inline enum verdict
action_run(const struct action *a, struct query *q)
{
  return q->rehearsal.dry && a->kind->effect == EFFECT_SENDS ? VERDICT_NEXT : a->kind->run(a, q);
}

// The ends of a run() that drops: q->drop is set, the walk counts it.
static inline enum verdict
verdict_drop(struct query *q, enum drop why)
{
  q->drop = (uint8_t)why;
  return VERDICT_DROP;
}

// run() of an action whose part of the program does not exist yet (rules/select/waiting.h).
enum verdict does_nothing(const struct action *, struct query *);

// The dialect's numbers, as scripts return them (constants.tsv) and dynamic blocks use them.
enum dns_action {
  DNS_ACTION_DROP, DNS_ACTION_NXDOMAIN, DNS_ACTION_REFUSED, DNS_ACTION_SPOOF, DNS_ACTION_ALLOW,
  DNS_ACTION_HEADER_MODIFY, DNS_ACTION_POOL, DNS_ACTION_DELAY, DNS_ACTION_TRUNCATE, DNS_ACTION_SERVFAIL,
  DNS_ACTION_NONE, DNS_ACTION_NO_OP,
  DNS_ACTION_NO_RECURSE, DNS_ACTION_SPOOF_RAW, DNS_ACTION_SPOOF_PACKET, DNS_ACTION_SET_TAG
};
enum dns_response_action {
  DNS_RESPONSE_ALLOW, DNS_RESPONSE_DELAY, DNS_RESPONSE_DROP, DNS_RESPONSE_HEADER_MODIFY, DNS_RESPONSE_SERVFAIL,
  DNS_RESPONSE_TRUNCATE, DNS_RESPONSE_NONE
};
// Makes the effect of a script's answer (number and optional text; semantics.md 3 and 6) and gives the verdict.
// Numbers outside the enum: VERDICT_NEXT.
enum verdict dialect_query_verdict(struct query *, int64_t number, const struct bytes *text);
enum verdict dialect_response_verdict(struct query *, int64_t number, const struct bytes *text);

#endif
